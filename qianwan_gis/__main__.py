"""Run as ``python -m qianwan_gis``: the same as the command ``qianwan``."""

from qianwan_gis.cli import main

main()
