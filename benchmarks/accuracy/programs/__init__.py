"""Programs that build and run model families. They need the packages they run, not jaxport."""
