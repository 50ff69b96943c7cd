"""Build hook: compiles the client's native library before the files of a wheel or of an editable install are listed."""

import runpy
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class NativeBuildHook(BuildHookInterface[Any]):
    """Compiles where a compiler is; a wheel with the library is one for this platform alone."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before it builds."""
        script = runpy.run_path(str(Path(self.root) / "scripts" / "setup" / "build_native.py"))
        problem = script["compile_native"](script["SOURCE"].with_suffix(".so"))
        if problem:
            self.app.display_warning(f"sealing will hash with hashlib, and take longer: {problem}")
        elif version == "standard":
            build_data["pure_python"] = False
            build_data["infer_tag"] = True
