"""Does jaxport report the calls that real torch programs make, and no others? See `judge`."""
