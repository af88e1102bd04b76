"""Maps: the web map (`web`), one-file offline pages (`offline`) and printed sheets (`static`)."""
