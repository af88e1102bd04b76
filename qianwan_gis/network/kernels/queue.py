# mypy: ignore-errors
"""The queue of all searches: a ring of buckets of float keys, last in first out.

Entries lie in ``pool``, 16 bytes each: key, core node, next entry; ``ints`` is its int32 view. What
has been taken is chained from ``free`` on and used again. Compiled into the searches, these few
lines cost nothing (measured); an array that grows inside would cost five times the search.
"""

from qianwan_gis.network.kernels._jit import U, jit


@jit
def put(head, pool, ints, bucket, key, node, free, used):
    """Put a node into a bucket; there must be room (``free >= 0`` or ``used`` below the pool's)."""
    if free >= 0:
        entry = U(free)
        free = ints[U(4) * entry + U(3)]
    else:
        entry = U(used)
        used += 1
    pool[U(2) * entry] = key
    ints[U(4) * entry + U(2)] = node
    ints[U(4) * entry + U(3)] = head[bucket]
    head[bucket] = entry
    return free, used


@jit
def take(head, ints, bucket, free):
    """Take the last entry put into a bucket, which must not be empty; it is the first free one now."""
    entry = head[bucket]
    head[bucket] = ints[U(4) * U(entry) + U(3)]
    ints[U(4) * U(entry) + U(3)] = free
    return entry
