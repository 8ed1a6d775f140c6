//! The claims example: its MCP servers, its agents and the run that shows what maso does.
