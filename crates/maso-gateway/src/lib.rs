//! The MCP doors: streamable HTTP and stdio, to clients and to servers.
