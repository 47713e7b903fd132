"""`python -m sor_engine` starts the smart order router."""

from sor_engine.bootstrap import main

if __name__ == "__main__":
    main()
