"""`python -m execution_adapter` starts the execution adapter."""

from execution_adapter.bootstrap import main

if __name__ == "__main__":
    main()
