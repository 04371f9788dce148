//! What can be pasted while a rehearsal runs: a request with curl, and one with OpenAI's own client for Python.

use std::path::Path;

use model::config::Config;

use super::folder::Folder;
use crate::next::quoted;
use crate::running::Place;

/// The model that the examples ask: OpenAI's usual one where the deployment has it.
pub(super) fn model(config: &Config) -> &str {
    let names = || config.proxy.models.keys().map(String::as_str);
    names().find(|name| *name == "gpt-4o").or_else(|| names().next()).unwrap_or("gpt-4o")
}

/// A request with curl. The token is read from a file, so no command line shows it.
pub(super) fn curl(place: &Place, folder: &Folder, model: &str) -> String {
    let path = |path: &Path| quoted(&path.display().to_string());
    let header = quoted(&format!("@{}", folder.authorization().display()));
    let body = serde_json::json!({"model": model, "messages": [{"role": "user", "content": "Hello"}]});
    format!(
        "curl --cacert {} \\\n  --header {header} \\\n  --header 'content-type: application/json' \\\n  --data {} \\\n  {}/v1/chat/completions",
        path(&folder.ca()),
        quoted(&body.to_string()),
        place.local_url
    )
}

/// The same with OpenAI's client, as a shell takes it.
pub(super) fn python(place: &Place, folder: &Folder, model: &str) -> String {
    // A string of JSON is one of Python's.
    let text = |path: &Path| serde_json::Value::from(path.display().to_string()).to_string();
    let (ca, token) = (text(&folder.ca()), text(&folder.token()));
    let model = serde_json::Value::from(model).to_string();
    let url = &place.local_url;
    format!(
        r#"python3 - <<'END'
import ssl
from openai import DefaultHttpxClient, OpenAI

trust = ssl.create_default_context(cafile={ca})
client = OpenAI(
    base_url="{url}/v1",
    api_key=open({token}).read(),
    http_client=DefaultHttpxClient(verify=trust),
)
question = [{{"role": "user", "content": "Hello"}}]
answer = client.chat.completions.create(model={model}, messages=question)
print(answer.choices[0].message.content)
END"#
    )
}
