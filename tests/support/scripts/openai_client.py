"""What every script of a test with OpenAI's client begins with."""

import json
import os
import ssl
import sys

import openai

_context = ssl.create_default_context(cafile=os.environ["TEST_CA"])


def connect(api_key=os.environ["TEST_API_KEY"], base_url=os.environ["TEST_BASE_URL"], **options):
    """A client that neither retries nor looks at proxies, and gives up before the test does."""
    http_client = openai.DefaultHttpxClient(verify=_context, trust_env=False)
    options = {"max_retries": 0, "timeout": 60, **options}
    return openai.OpenAI(api_key=api_key, base_url=base_url, http_client=http_client, **options)


def failure(call):
    """How `call` was refused: the class of the exception and what it says."""
    try:
        answer = call()
    except openai.APIStatusError as error:
        body = error.body if isinstance(error.body, dict) else {}
        return {
            "class": type(error).__name__,
            "status": error.status_code,
            "type": body.get("type"),
            "code": error.code,
            "param": error.param,
            "message": body.get("message"),
            "request_id": error.request_id,
            "headers": dict(error.response.headers),
        }
    except openai.APIError as error:
        return {"class": type(error).__name__, "code": error.code, "type": error.type, "message": error.message}
    return {"class": None, "answer": str(answer)}


client = connect()
