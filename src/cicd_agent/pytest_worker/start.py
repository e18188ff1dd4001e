"""Loads the harness under a private name and becomes one of its programs: `start.py supervisor|session ARGUMENT`."""

import sys

PACKAGE = "_cicd_agent_harness"


def load(directory: str, module: str):  # type: ignore[no-untyped-def]  # noqa: ANN201  before anything is imported
    """Import a module of the harness. The name is ours alone, even if the project under test is cicd_agent itself."""
    import importlib  # noqa: PLC0415  only once this directory is off the path
    from importlib.util import module_from_spec, spec_from_file_location  # noqa: PLC0415

    if PACKAGE not in sys.modules:
        spec = spec_from_file_location(PACKAGE, directory + "/__init__.py", submodule_search_locations=[directory])
        if spec is None or spec.loader is None:
            raise ImportError(directory)
        package = module_from_spec(spec)
        sys.modules[PACKAGE] = package
        spec.loader.exec_module(package)
    return importlib.import_module("." + module, PACKAGE)


if __name__ == "__main__":
    here = __file__.rpartition("/")[0]
    # Python puts the directory of its program first: the modules of the harness must not be found by their short names.
    if sys.path and sys.path[0] == here:
        del sys.path[0]
    load(here, sys.argv[1]).main(sys.argv[2])
