"""Matching printed names of villages and townships with the names of a code table.

A printed name is taken as one of the table's names sent through a noisy channel: suffixes,
traditional forms, the township's name as a prefix, former names, a character that sounds or looks
alike, one dropped or added. Bayes' rule over all names of the township, and over the possibility
that the village is not in the table at all, gives the certainty, which is then calibrated.
Method, sources and limits: ``docs/methods/names.md``.
"""

from qianwan_gis.names._channel import KIND_TEXT as KIND_TEXT
from qianwan_gis.names._characters import shape as shape
from qianwan_gis.names._characters import sound as sound
from qianwan_gis.names._forms import core as core
from qianwan_gis.names._forms import is_name as is_name
from qianwan_gis.names._forms import normalise as normalise
from qianwan_gis.names._forms import short_name as short_name
from qianwan_gis.names._forms import township_core as township_core
from qianwan_gis.names._forms import visible as visible
from qianwan_gis.names._match import CERTAIN as CERTAIN
from qianwan_gis.names._match import Candidate as Candidate
from qianwan_gis.names._match import NameIndex as NameIndex
from qianwan_gis.names._match import NameMatch as NameMatch
from qianwan_gis.names._match import Score as Score
from qianwan_gis.names._match import best_match as best_match
from qianwan_gis.names._match import similarity as similarity
