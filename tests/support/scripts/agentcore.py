"""AgentCore's control plane as AWS answers where moto 5.2.5 does not, or not so. Put into moto when the server starts.

What AWS does is in its service model `bedrock-agentcore-control` (botocore's copy: operations, errors, patterns of ids) and
in its developer guide (Bedrock AgentCore: "Obtain credentials", "Gateway egress to a VPC"), but for what is noted below.
"""

import json
import os
import threading


def teach_agentcore():
    from moto.bedrockagentcorecontrol.models import Gateway, GatewayTarget
    from moto.bedrockagentcorecontrol.responses import BedrockAgentCoreControlResponse as Responses

    serve_providers(Responses)
    name_gateways(Gateway)
    finish_updates(Gateway, GatewayTarget)
    keep_private_endpoints(Responses, GatewayTarget)
    make_once(Responses)
    keep_gateways_with_targets(Responses)


def agentcore_error(code, message):
    from moto.bedrockagentcorecontrol.exceptions import BedrockAgentCoreControlClientError

    return BedrockAgentCoreControlClientError(code, message)


def kept(backend, what):
    # Beside moto's own, so that a reset of the account empties it as well.
    return vars(backend).setdefault(what, {})


class Provider:
    """An API key credential provider. Its key is in a secret that AgentCore makes, names and deletes."""

    def __init__(self, backend, secrets, name, key):
        from moto.core.utils import utcnow

        place = f"{backend.region_name}:{backend.account_id}"
        # The service is `acps` in the model's pattern, and this in what AWS gives out.
        self.arn = f"arn:aws:bedrock-agentcore:{place}:token-vault/default/apikeycredentialprovider/{name}"
        self.name, self.secrets, self.made = name, secrets, utcnow()
        self.secret_name = f"bedrock-agentcore-identity!default/apikey/{name}"
        self.secret_arn = secrets.create_managed_secret(
            "bedrock-agentcore-identity", self.secret_name, secret_string=self.content(key)
        ).arn

    def content(self, key):
        return json.dumps({"api_key_value": key})

    def change(self, key):
        self.secrets.put_secret_value(self.secret_name, self.content(key), None, os.urandom(16).hex(), ["AWSCURRENT"])

    def delete(self):
        self.secrets.delete_secret(self.secret_name, None, True)

    def shown(self):
        return {"name": self.name, "credentialProviderArn": self.arn, "apiKeySecretArn": {"secretArn": self.secret_arn},
                "createdTime": self.made, "lastUpdatedTime": self.made}


def serve_providers(responses):
    from moto.core.responses import ActionResult, EmptyResult
    from moto.secretsmanager.models import secretsmanager_backends

    def known(self):
        name, providers = self._get_param("name"), kept(self.backend, "providers")
        if name not in providers:
            raise agentcore_error("ResourceNotFoundException", f"Credential provider {name} not found")
        return providers[name]

    def create(self):
        params, providers = self._get_params(), kept(self.backend, "providers")
        name = params["name"]
        if name in providers:
            raise agentcore_error("ConflictException", f"Credential provider with name: {name} already exists")
        secrets = secretsmanager_backends[self.current_account][self.region]
        made = providers[name] = Provider(self.backend, secrets, name, params["apiKey"])
        self.backend.tag_resource(made.arn, params.get("tags") or {})
        return ActionResult(made.shown())

    def get(self):
        return ActionResult(known(self).shown())

    def update(self):
        provider = known(self)
        provider.change(self._get_params()["apiKey"])
        return ActionResult(provider.shown())

    def delete(self):
        provider = known(self)
        provider.delete()
        self.backend.tagger.delete_all_tags_for_resource(provider.arn)
        del kept(self.backend, "providers")[provider.name]
        return EmptyResult()

    def every(self):
        return ActionResult({"credentialProviders": [one.shown() for one in kept(self.backend, "providers").values()]})

    responses.create_api_key_credential_provider = create
    responses.get_api_key_credential_provider = get
    responses.update_api_key_credential_provider = update
    responses.delete_api_key_credential_provider = delete
    responses.list_api_key_credential_providers = every


def name_gateways(gateways):
    # moto's id is ten digits alone, and its URL has no path.
    plain = gateways.__init__

    def init(self, *args, **named):
        plain(self, *args, **named)
        bare, self.gateway_id = self.gateway_id, f"{self.name.lower()}-{self.gateway_id}"
        self.gateway_arn = self.gateway_arn.replace(bare, self.gateway_id)
        self.gateway_url = self.gateway_url.replace(bare, self.gateway_id) + "/mcp"
        identity = self.workload_identity_details
        identity["workloadIdentityArn"] = identity["workloadIdentityArn"].replace(bare, self.gateway_id)

    gateways.__init__ = init


def finish_updates(*kinds):
    # moto leaves them UPDATING for ever. The answer to the call itself says so still.
    def finishing(plain):
        def update(self, *args, **named):
            plain(self, *args, **named)
            self.status = "READY"

        return update

    for kind in kinds:
        kind.update = finishing(kind.update)


def keep_private_endpoints(responses, targets):
    # moto drops them.
    show, create, update = targets.to_dict, responses.create_gateway_target, responses.update_gateway_target

    def to_dict(self):
        endpoint = getattr(self, "private_endpoint", None)
        return {**show(self), **({"privateEndpoint": endpoint} if endpoint else {})}

    def created(self):
        answer = create(self)
        newest = list(self.backend.gateway_targets.values())[-1]
        newest.private_endpoint = self._get_params().get("privateEndpoint")
        return answer

    def updated(self):
        answer = update(self)
        of = (self._get_param("gatewayIdentifier"), self._get_param("targetId"))
        self.backend.gateway_targets[of].private_endpoint = self._get_params().get("privateEndpoint")
        return answer

    targets.to_dict, responses.create_gateway_target, responses.update_gateway_target = to_dict, created, updated


def make_once(responses):
    # moto forgets client tokens and takes every name twice. AWS answers a known token as it did before, and has one
    # gateway of a name in an account and one target of a name in a gateway.
    from moto.core.responses import ActionResult

    # The newest is told from the others by its place, and targets come side by side.
    one_at_a_time = threading.Lock()

    def once(create, things, of_gateway):
        def created(self):
            with one_at_a_time:
                return locked(self)

        def locked(self):
            params, tokens = self._get_params(), kept(self.backend, "tokens")
            token, gateway = params.get("clientToken"), self._get_param("gatewayIdentifier")
            there = things(self.backend)
            if token and there.get(tokens.get(token)):
                return ActionResult(there[tokens[token]].to_dict())
            siblings = [one for one in there.values() if not of_gateway or one.gateway_id == gateway]
            if any(one.name == params["name"] for one in siblings):
                raise agentcore_error("ConflictException", f'{params["name"]} already exists')
            answer = create(self)
            if token:
                tokens[token] = list(there)[-1]
            return answer

        return created

    responses.create_gateway = once(responses.create_gateway, lambda backend: backend.gateways, False)
    responses.create_gateway_target = once(
        responses.create_gateway_target, lambda backend: backend.gateway_targets, True
    )


def keep_gateways_with_targets(responses):
    # moto deletes the targets along. AWS refuses with these words (awslabs/agentcore-samples, pull request 1954).
    plain = responses.delete_gateway

    def deleted(self):
        gateway = self._get_param("gatewayIdentifier")
        if any(of == gateway for of, _ in self.backend.gateway_targets):
            raise agentcore_error("ValidationException", f"Gateway {gateway} has targets associated with it")
        return plain(self)

    responses.delete_gateway = deleted
