"""Planning and simulating water supply; `services.water` is the public door."""
