"""Reading and writing files: one door for layers and tables, and writes that are whole or absent.

Faults in a user's file become `Problem` entries that name file, row and field; nothing in here
lets a driver's exception through.
"""

from qianwan_gis._io._columns import COLUMN_GUESSES as COLUMN_GUESSES
from qianwan_gis._io._columns import rename_columns as rename_columns
from qianwan_gis._io._files import decode as decode
from qianwan_gis._io._files import decoded as decoded
from qianwan_gis._io._files import missing as missing
from qianwan_gis._io._files import normalise_zip as normalise_zip
from qianwan_gis._io._files import sha256 as sha256
from qianwan_gis._io._files import staged_folder as staged_folder
from qianwan_gis._io._files import write_bytes as write_bytes
from qianwan_gis._io._files import write_text as write_text
from qianwan_gis._io._layers import points_of as points_of
from qianwan_gis._io._layers import read_layer as read_layer
from qianwan_gis._io._tables import cell_text as cell_text
from qianwan_gis._io._tables import csv_rows as csv_rows
from qianwan_gis._io._tables import is_blank as is_blank
from qianwan_gis._io._tables import plain_number as plain_number
from qianwan_gis._io._tables import read_table as read_table
from qianwan_gis._io._tables import sheet_rows as sheet_rows
from qianwan_gis._io._tables import to_numbers as to_numbers
