"""What the provider's form tells people who are no developers."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.html import format_html, format_html_join

WEBHOOK: Mapping[str, str] = {
    "url": "the address that is called",
    "method": "POST (usual), PUT, PATCH, GET or DELETE; GET and DELETE put the step's data into the address",
    "format": "json (usual), or form, which Stripe wants",
    "success_statuses": 'which answers mean that it worked; usual: ["2xx"]',
    "retry_statuses": 'which failures are worth another try; usual: [408, 425, 429, "5xx"]',
    "settling_statuses": "which refusals prove that nothing was done, usual: [400, 402, 410]; ask a developer",
    "response_mapping": "names for parts of the answer, for branches: {in_stock: data.items[0].available}",
    "max_request_bytes, max_response_bytes": "larger ones fail; usual: 1048576, which is 1 MiB",
    "oauth": "sign in first: {token_url, client_id, scope, audience, client_auth: basic or body}",
    "hmac": "sign each request: {header, signed: [body], algorithm, encoding: hex or base64, prefix, separator}",
    "envelope": "true also sends what kind of action it is, and whose",
}
EMAIL: Mapping[str, str] = {
    "to, subject, body, from, reply_to": 'texts, with placeholders such as "{{payload.order_id}}"',
    "messages": "other texts for single kinds of action",
}
SLACK: Mapping[str, str] = {
    "url": "the incoming webhook; best under Secrets, as secret_url",
    "channel": "the channel's id, where a bot's token writes",
    "text, blocks, messages": "what it says; values are escaped, so that no name calls anybody",
}
TEAMS: Mapping[str, str] = {
    "url": "the address of the workflow; best under Secrets, as secret_url",
    "title, text, facts, link, messages": "what the card says; facts are names, each with a text",
}
PAGERDUTY: Mapping[str, str] = {
    "event_action": "trigger (usual), acknowledge or resolve",
    "dedup_key": "what an alert is known by; the event that resolves it needs the same",
    "summary, source, severity, component, group, class, custom_details, link, messages": "what it says",
}
TWILIO: Mapping[str, str] = {
    "account_sid, api_key_sid": "the account, and the key that signs in for it, where there is one",
    "from, messaging_service_sid": "who sends: one of them",
    "to, body, messages": 'texts, with placeholders such as "{{payload.phone}}"',
}
WEBHOOK_SECRETS: Mapping[str, str] = {
    "headers": "such as the key that the other side gave you",
    "secret_url": "in place of url, where the address itself holds a token, as Slack's does",
    "signing_keys": "a list, the newest first; during a change of keys each of them signs. Or one signing_key",
    "oauth_client_secret, hmac_key": "what oauth and hmac need",
}
OTHER_SECRETS: Mapping[str, str] = {
    "slack": "secret_url, or token: the bot's",
    "teams": "secret_url",
    "pagerduty": "routing_key: the integration's key",
    "twilio": "auth_token: the account's, or that of api_key_sid",
}
EXAMPLE = '<pre style="white-space: pre-wrap">{}</pre>'
KEYS: Mapping[str, Mapping[str, str]] = {
    "webhook": WEBHOOK,
    "email": EMAIL,
    "slack": SLACK,
    "teams": TEAMS,
    "pagerduty": PAGERDUTY,
    "twilio": TWILIO,
}
EXAMPLES: Mapping[str, str] = {
    "webhook": 'url: "https://api.stripe.com/v1/charges"\nformat: form',
    "email": 'to: "{{payload.customer_email}}"\nsubject: "Your order {{payload.order_id}}"',
    "slack": 'text: "*{{payload.order_id}}* over {{amount}} needs a look"',
    "teams": 'title: "{{payload.order_id}} needs a look"\nfacts: {Shop: "{{tenant}}", Amount: "{{amount}}"}',
    "pagerduty": 'summary: "{{payload.order_id}} is stuck"\nseverity: critical',
    "twilio": 'account_sid: AC…\nfrom: "+15005550006"\nto: "{{payload.phone}}"\n'
    'body: "Parcel {{payload.order_id}} is on its way."',
}


def _listed(keys: Mapping[str, str]) -> str:
    lines = format_html_join("", "<li><b>{}</b>: {}</li>", keys.items())
    return format_html("<ul>{}</ul>", lines)


def _folded(kind: str) -> str:
    """One kind's keys, to be opened by who wants that kind."""
    text = "<details><summary>{}</summary>" + EXAMPLE + "{}</details>"
    return format_html(text, kind, EXAMPLES[kind], _listed(KEYS[kind]))


CONFIG_HELP = format_html(
    "JSON or YAML, with the keys of the type chosen above. A log provider needs nothing here.{}",
    format_html_join("", "{}", ((_folded(kind),) for kind in KEYS)),
)
SECRETS_HELP = format_html(
    "Encrypted, and never shown again. Leave it empty to keep what is stored; {{}} forgets everything, a name "
    "with null forgets that one.<details><summary>webhook</summary>"
    + EXAMPLE
    + "{}</details><details><summary>the others</summary>{}</details>",
    """headers:
  Authorization: "Bearer sk_live_…"
  Content-Type: "application/x-www-form-urlencoded\"""",
    _listed(WEBHOOK_SECRETS),
    _listed(OTHER_SECRETS),
)
