"""`python -m jaxport`."""

from jaxport.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
