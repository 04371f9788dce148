"""Talks to the stand-in as AWS's own client does, and prints what that client understood."""

import json
import sys
import urllib.request

import boto3
from botocore.config import Config
from botocore.eventstream import EventStreamBuffer
from botocore.exceptions import ClientError, EventStreamError, HTTPClientError
from urllib3.exceptions import HTTPError

endpoint = sys.argv[1]
# Everybody else's network is none of this script's business.
runtime = boto3.client(
    "bedrock-runtime", endpoint_url=endpoint, config=Config(retries={"total_max_attempts": 1}, proxies={})
)
NOVA = "us.amazon.nova-2-lite-v1:0"
WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
}
TOOLS = {
    "tools": [
        {"toolSpec": {"name": "weather", "inputSchema": {"json": WEATHER}}},
        {"toolSpec": {"name": "now", "inputSchema": {"json": {"type": "object"}}}},
    ]
}


def ask(text, model=NOVA, **more):
    return {"modelId": model, "messages": [{"role": "user", "content": [{"text": text}]}], **more}


def refused(call):
    try:
        call()
    except ClientError as error:
        return [error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]]
    return None


def streamed(suffix="", text="one two three", **more):
    """The names of the events, and how the stream ended."""
    names = []
    try:
        for event in runtime.converse_stream(**ask(text, NOVA + suffix, **more))["stream"]:
            names.extend(event)
        return names, None
    except EventStreamError as error:
        return names, error.response["Error"]["Code"]
    except (HTTPClientError, HTTPError, OSError):
        return names, "connection"
    except Exception as error:
        return names, type(error).__name__


def inputs(stream):
    joined = {}
    for event in stream:
        delta = event.get("contentBlockDelta")
        if delta and "toolUse" in delta["delta"]:
            at = delta["contentBlockIndex"]
            joined[at] = joined.get(at, "") + delta["delta"]["toolUse"]["input"]
    return joined


def frames():
    """The raw stream through botocore's own parser, which checks both checksums."""
    request = urllib.request.Request(
        f"{endpoint}/model/{NOVA}/converse-stream",
        data=json.dumps({"messages": [{"role": "user", "content": [{"text": "one two"}]}]}).encode(),
    )
    buffer = EventStreamBuffer()
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
        buffer.add_data(answer.read())
    return [message.headers[":event-type"] for message in buffer]


whole = runtime.converse(**ask("hello there"))
called = runtime.converse(**ask('call now and call weather{"city": "Oslo"}', toolConfig=TOOLS))
thought = runtime.converse(
    **ask("hello", additionalModelRequestFields={"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}})
)
cached = runtime.converse(
    **ask("hello", system=[{"text": "be brief and polite"}, {"cachePoint": {"type": "default"}}])
)
embedded = runtime.invoke_model(
    modelId="amazon.titan-embed-text-v2:0", body=json.dumps({"inputText": "hello", "dimensions": 256})
)
print(
    json.dumps(
        {
            "text": whole["output"]["message"]["content"][0]["text"],
            "stop_reason": whole["stopReason"],
            "usage": whole["usage"],
            "calls": [
                [block["toolUse"]["name"], block["toolUse"]["input"]]
                for block in called["output"]["message"]["content"]
            ],
            "blocks_of_a_thought": [list(block)[0] for block in thought["output"]["message"]["content"]],
            "cached": sorted(cached["usage"]),
            "dimensions": len(json.loads(embedded["body"].read())["embedding"]),
            "frames": frames(),
            "stream": streamed(),
            "in_single_bytes": streamed("~write_size=1"),
            "streamed_inputs": inputs(
                runtime.converse_stream(**ask('call weather{"city": "Oslo"} call now', toolConfig=TOOLS))["stream"]
            ),
            "faults": {
                suffix: streamed("~" + suffix)
                for suffix in [
                    "exception=throttlingException.1",
                    "eof=1",
                    "cut=1",
                    "reset=1",
                    "bad_crc=1",
                    "oversize=1",
                    "missing_output",
                ]
            },
            "refusals": [
                refused(lambda: runtime.converse(**ask("hello", NOVA + "~refuse=503.ServiceUnavailableException"))),
                refused(lambda: runtime.converse(**ask("hello", "gpt-4o"))),
                refused(lambda: runtime.converse(**ask(" "))),
                refused(lambda: runtime.converse_stream(**ask("hello", NOVA + "~throttle=1"))),
                refused(lambda: runtime.converse_stream(**ask("hello", NOVA + "~throttle=1"))),
            ],
        }
    )
)
