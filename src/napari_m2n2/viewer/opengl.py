"""Prints which OpenGL draws here, as JSON; run as a process of its own, since it may crash."""

from __future__ import annotations

import json
import sys


def main() -> int:
    """Make an invisible canvas as napari does, and ask who draws it."""
    import qtpy
    from vispy import app
    from vispy.gloo import gl

    app.use_app(qtpy.API_NAME.lower())
    canvas = app.Canvas(show=False)
    try:
        answer = {
            "vendor": gl.glGetParameter(gl.GL_VENDOR),
            "renderer": gl.glGetParameter(gl.GL_RENDERER),
            "version": gl.glGetParameter(gl.GL_VERSION),
        }
    finally:
        canvas.close()
    sys.stdout.write(json.dumps(answer) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
