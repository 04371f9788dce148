"""The MCP project's own server over streamable HTTP, with the tools whose names come as arguments.

Arguments: port, `json` or `stream`, then names of tools. It ends when its standard input does.
"""

import sys
import threading

import uvicorn
from mcp.server.mcpserver import MCPServer

port, form, *names = sys.argv[1:]
server = MCPServer("a server that others wrote")

for name in names:
    # The name is bound early, and nobody can give another.
    server.add_tool((lambda name: lambda: f"{name} was called")(name), name=name, description="Says who was called.")

app = server.streamable_http_app(json_response=form == "json")
config = uvicorn.Config(app, host="127.0.0.1", port=int(port), log_level="warning")
running = uvicorn.Server(config)


def watch():
    sys.stdin.read()
    running.should_exit = True


threading.Thread(target=watch, daemon=True).start()
running.run()
