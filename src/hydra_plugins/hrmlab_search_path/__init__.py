"""Tells Hydra where hrmlab's configuration is, from any working directory: ``experiments=sudoku/hrm`` is experiments/sudoku/hrm.yaml."""

from hydra.core.config_search_path import ConfigSearchPath
from hydra.plugins.search_path_plugin import SearchPathPlugin

from hrmlab.config.location import configuration_root


class HrmlabSearchPath(SearchPathPlugin):
    """Puts conf/ and the folder above it (for experiments/ and sweeps/) on the search path."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        root = configuration_root()
        present = {element.path for element in search_path.get_path()}
        for folder in (root / "conf", root):
            if {str(folder), f"file://{folder}"}.isdisjoint(present):
                search_path.append(provider="hrmlab", path=f"file://{folder}")
