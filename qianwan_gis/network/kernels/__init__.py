"""All compiled kernels of the network engine.

Rules kept here, each of them measured:

* no array grows inside a hot loop: workspaces are handed in, overflow returns ``-1``;
* unsigned indices, so that no negative wrap-around is tested;
* what one relaxation reads or writes together lies together: a 16-byte record per node
  (distance, label, predecessor arc) and per arc (weight, target, arc number);
* only touched entries are reset between searches.

Vocabulary. An *edge* joins two nodes. A *chain* is a run of edges between two *core* nodes through
nodes that have exactly two edge ends. Searches run on core nodes; arc ``2c`` leads along chain
``c`` from its A end to its B end, arc ``2c + 1`` back. A *place* is a core node or a fraction of
one edge of a chain; it costs ``to A``, ``to B``, ``from A``, ``from B`` to reach the core.
Bucket queues are exact for float weights: inside a bucket the search corrects labels.
"""

from qianwan_gis.network.kernels.chains import (
    build_chains,
    components,
    core_arcs,
    core_nodes,
    edge_ends,
    mark_inside,
    number_ends,
    order_chains,
    pair_arcs,
)
from qianwan_gis.network.kernels.cut import service_chunk
from qianwan_gis.network.kernels.lines import cut_lines, join_pieces, line_lengths, turn_lines
from qianwan_gis.network.kernels.local import matrix_chunk, nearest_chunk
from qianwan_gis.network.kernels.order import count_sort, hilbert_keys, radix_argsort
from qianwan_gis.network.kernels.pairs import path_pieces, two_sided
from qianwan_gis.network.kernels.read import (
    nearest_of,
    read_chains,
    read_nodes,
    read_second,
    second_weight,
    tree_paths,
)
from qianwan_gis.network.kernels.snap import (
    LEAF,
    build_boxes,
    edge_fraction,
    segment_list,
    snap_points,
)
from qianwan_gis.network.kernels.spots import direct_costs, place_costs
from qianwan_gis.network.kernels.wave import breadth_first, seed_records, wave
from qianwan_gis.network.kernels.weights import (
    chain_sums,
    chain_weights,
    gates_of,
    pack_arcs,
    reach_of,
)

__all__ = [
    "LEAF",
    "breadth_first",
    "build_boxes",
    "build_chains",
    "chain_sums",
    "chain_weights",
    "components",
    "core_arcs",
    "core_nodes",
    "count_sort",
    "cut_lines",
    "direct_costs",
    "edge_ends",
    "edge_fraction",
    "gates_of",
    "hilbert_keys",
    "join_pieces",
    "line_lengths",
    "mark_inside",
    "matrix_chunk",
    "nearest_chunk",
    "nearest_of",
    "number_ends",
    "order_chains",
    "pack_arcs",
    "pair_arcs",
    "path_pieces",
    "place_costs",
    "radix_argsort",
    "reach_of",
    "read_chains",
    "read_nodes",
    "read_second",
    "second_weight",
    "seed_records",
    "segment_list",
    "service_chunk",
    "snap_points",
    "tree_paths",
    "turn_lines",
    "two_sided",
    "wave",
]
