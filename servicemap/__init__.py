"""儿童服务地图: the registry of child-facing facilities, its finder and its coverage report.

This module imports nothing: the command line must start without the web framework.
"""
