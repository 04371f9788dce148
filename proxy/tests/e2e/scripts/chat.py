"""What an ordinary program does with the client: one of each, and what it got."""

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
NOW = {"type": "function", "function": {"name": "now", "description": "The time."}}
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
BOTH = 'call weather{"city": "Oslo"} and call now'


def ask(text, model="gpt-4o-mini", **more):
    return client.chat.completions.create(model=model, messages=[{"role": "user", "content": text}], **more)


def calls(message):
    return [[call.type, call.function.name, call.function.arguments] for call in message.tool_calls or []]


def chat():
    raw = client.chat.completions.with_raw_response.create(
        model="gpt-4o-mini",
        messages=[{"role": "system", "content": "be brief"}, {"role": "user", "content": "hello there"}],
        max_completion_tokens=50,
        temperature=0.5,
        stop=["!"],
    )
    answer = raw.parse()
    return {
        "object": answer.object,
        "id": answer.id[:9],
        "model": answer.model,
        "role": answer.choices[0].message.role,
        "content": answer.choices[0].message.content,
        "finish_reason": answer.choices[0].finish_reason,
        "usage": answer.usage.model_dump(include={"prompt_tokens", "completion_tokens", "total_tokens"}),
        "request_id": bool(raw.headers.get("x-request-id")),
    }


def stream():
    chunks = list(ask("one two three", stream=True, stream_options={"include_usage": True}))
    return {
        "content": "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices),
        "pieces": sum(1 for chunk in chunks if chunk.choices and chunk.choices[0].delta.content),
        "roles": [chunk.choices[0].delta.role for chunk in chunks if chunk.choices and chunk.choices[0].delta.role],
        "finish_reasons": [
            chunk.choices[0].finish_reason for chunk in chunks if chunk.choices and chunk.choices[0].finish_reason
        ],
        "ids": len({(chunk.id, chunk.created, chunk.model) for chunk in chunks}),
        "usages": [chunk.usage.total_tokens for chunk in chunks if chunk.usage],
        "choices_beside_the_usage": chunks[-1].choices,
        "without": sum(1 for chunk in ask("hello", stream=True) if chunk.usage or not chunk.choices),
    }


def tools():
    answer = ask(BOTH, tools=[WEATHER, NOW])
    first = answer.choices[0]
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": f"result of {call.function.name}"}
        for call in first.message.tool_calls
    ]
    again = client.chat.completions.create(
        model="gpt-4o-mini",
        messages=[{"role": "user", "content": BOTH}, first.message, *results],
        tools=[WEATHER, NOW],
    )
    return {
        "calls": calls(first.message),
        "content": first.message.content,
        "finish_reason": first.finish_reason,
        "again": again.choices[0].message.content,
        "named": calls(
            ask(
                "hello",
                tools=[WEATHER, NOW],
                tool_choice={"type": "function", "function": {"name": "weather"}},
            ).choices[0].message
        ),
        "required": len(calls(ask("hello", tools=[WEATHER], tool_choice="required").choices[0].message)),
        "none": calls(ask(BOTH, tools=[WEATHER, NOW], tool_choice="none").choices[0].message),
        "single": len(calls(ask(BOTH, tools=[WEATHER, NOW], parallel_tool_calls=False).choices[0].message)),
    }


def streamed_tools():
    joined, order, reasons = {}, [], []
    for chunk in ask(BOTH, tools=[WEATHER, NOW], stream=True):
        for call in chunk.choices[0].delta.tool_calls or []:
            if call.function.name:
                order.append([call.index, call.function.name, bool(call.id)])
            joined[call.index] = joined.get(call.index, "") + (call.function.arguments or "")
        if chunk.choices[0].finish_reason:
            reasons.append(chunk.choices[0].finish_reason)
    return {"order": order, "arguments": [json.loads(text) for _, text in sorted(joined.items())], "reasons": reasons}


def structured():
    schema = {"type": "json_schema", "json_schema": {"name": "person", "schema": PERSON, "strict": True}}
    whole = ask("who?", response_format=schema).choices[0]
    text, reason = "", None
    for chunk in ask("who?", response_format=schema, stream=True):
        text += chunk.choices[0].delta.content or ""
        reason = chunk.choices[0].finish_reason or reason
    return {
        "whole": json.loads(whole.message.content),
        "calls": calls(whole.message),
        "finish_reason": whole.finish_reason,
        "streamed": json.loads(text),
        "streamed_reason": reason,
    }


def reasoning():
    answer = ask("hello", model="nova-2-lite", reasoning_effort="low").choices[0].message
    return {"content": answer.content, "reasoned": bool(getattr(answer, "reasoning_content", None))}


def embeddings():
    one = client.embeddings.create(model="text-embedding-3-small", input="hello", dimensions=256)
    # Base64 is what the client asks for by itself.
    two = client.embeddings.create(
        model="text-embedding-3-small", input=["hello", "world"], dimensions=256, encoding_format="float"
    )
    return {
        "object": one.object,
        "model": one.model,
        "indices": [item.index for item in two.data],
        "dimensions": [len(item.embedding) for item in one.data + two.data],
        "same": max(abs(a - b) for a, b in zip(one.data[0].embedding, two.data[0].embedding)) < 1e-6,
        "other": two.data[0].embedding != two.data[1].embedding,
        "tokens": [one.usage.prompt_tokens, two.usage.total_tokens],
    }


def models():
    listed = list(client.models.list())
    return {
        "ids": sorted(model.id for model in listed),
        "objects": sorted({model.object for model in listed}),
        "one": client.models.retrieve("gpt-4o").id,
        "unknown": failure(lambda: client.models.retrieve("gpt-9")),
    }


parts = [chat, stream, tools, streamed_tools, structured, reasoning, embeddings, models]
print(json.dumps({part.__name__: part() for part in parts}))
