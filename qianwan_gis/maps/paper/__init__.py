"""Drawing on paper: pages in millimetres, letters, map features, labels and page furniture."""
