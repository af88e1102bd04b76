"""Placing villages: a ladder of evidence, its fusion, and what stays unknown.

`locate` gives every village the best position that all evidence together allows: a point with
its uncertainty, or a region (weighted polygons) where it may be. A village known only by its
township is never put at a centroid.
"""

from __future__ import annotations

from qianwan_gis.geocoding import areas as areas
from qianwan_gis.geocoding import ladder as ladder
from qianwan_gis.geocoding._locate import Located as Located
from qianwan_gis.geocoding._locate import county_frame as county_frame
from qianwan_gis.geocoding._locate import geocode as geocode
from qianwan_gis.geocoding._locate import locate as locate
