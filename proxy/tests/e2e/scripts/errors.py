"""Every way of being refused, as the client sees it."""

import urllib.request

_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def order(script):
    """Tells the small Bedrock how to behave from now on; `None`: well."""
    for method, body in (("DELETE", None), ("POST", script)):
        if body or method == "DELETE":
            data = json.dumps(body).encode() if body else None
            _opener.open(urllib.request.Request(sys.argv[1] + "/_script", data, method=method)).close()


def ask(**more):
    body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "one two three"}], **more}
    return client.chat.completions.create(**body)


def refused(status, kind, message="as ordered"):
    order({"refuse": {"status": status, "kind": kind, "message": message}})
    try:
        return failure(ask)
    finally:
        recover()


def recover():
    """Behaves well again, and is seen to: else the proxy would leave the upstream alone after some refusals."""
    order(None)
    ask()


def broken(fault, **script):
    """What came before a stream broke, and how it broke."""
    order({"fault": fault, **script})
    seen = {"content": "", "finish_reason": None}

    def read():
        for chunk in ask(stream=True):
            if chunk.choices:
                seen["content"] += chunk.choices[0].delta.content or ""
                seen["finish_reason"] = chunk.choices[0].finish_reason or seen["finish_reason"]

    try:
        return {**failure(read), **seen}
    finally:
        recover()


ARN = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0"
EXCEPTIONS = ["throttling", "modelStreamError", "internalServer", "validation", "serviceUnavailable"]
print(
    json.dumps(
        {
            "own": {
                "token": failure(lambda: connect(api_key="not.a.token").models.list()),
                "model": failure(lambda: ask(model="gpt-9")),
                "n": failure(lambda: ask(n=2)),
                "role": failure(lambda: ask(messages=[{"role": "nobody", "content": "hello"}])),
                "image": failure(
                    lambda: ask(
                        messages=[
                            {
                                "role": "user",
                                "content": [
                                    {"type": "image_url", "image_url": {"url": "https://169.254.169.254/latest"}}
                                ],
                            }
                        ]
                    )
                ),
                "arguments": failure(
                    lambda: ask(
                        messages=[
                            {"role": "user", "content": "hello"},
                            {
                                "role": "assistant",
                                "tool_calls": [
                                    {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{broken"}}
                                ],
                            },
                            {"role": "tool", "tool_call_id": "a", "content": "x"},
                        ]
                    )
                ),
            },
            "upstream": {
                "throttled": refused(429, "ThrottlingException"),
                "denied": refused(403, "AccessDeniedException", f"not authorized to perform this on {ARN}"),
                "credentials": refused(403, "UnrecognizedClientException", "The security token is invalid."),
                "expired": refused(403, "ExpiredTokenException"),
                "too long": refused(400, "ValidationException", "Input is too long for requested model."),
                "no model": refused(400, "ValidationException", "The provided model identifier is invalid."),
                "missing": refused(404, "ResourceNotFoundException"),
                "not ready": refused(429, "ModelNotReadyException"),
                "timeout": refused(408, "ModelTimeoutException"),
                "model": refused(424, "ModelErrorException"),
                "internal": refused(500, "InternalServerException"),
                "busy": refused(503, "ServiceUnavailableException"),
            },
            "streams": {
                **{
                    name: broken({"exception": {"kind": name + "Exception", "after": 2}})
                    for name in EXCEPTIONS
                },
                **{
                    name: broken({name: {"after": 2}}) for name in ["eof", "cut", "bad_crc", "oversize"]
                },
                "in single bytes": broken({"eof": {"after": 2}}, write_size=1),
                "malformed_tool_use": broken("malformed_tool_use"),
            },
            "before": broken({"exception": {"kind": "throttlingException", "after": 0}}),
            "reset": broken({"reset": {"after": 2}}),
            "harmless": {
                "unknown_event": broken({"unknown_event": {"after": 2}}),
                "unknown stop reason": broken({"stop_reason": "something_new"}),
                "missing_output": broken("missing_output"),
            },
        }
    )
)
