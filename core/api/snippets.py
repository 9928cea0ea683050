"""How to ask this server from a program: short examples, each run by a test."""

_CURL = """curl -F image=@digit.png {url}/api/predict"""
_PYTHON = """import requests

with open("digit.png", "rb") as picture:
    answer = requests.post("{url}/api/predict", files={{"image": picture}}, timeout=10)
answer.raise_for_status()
for prediction in answer.json()["predictions"]:
    print(prediction["label"], prediction["proba"])"""
_JAVASCRIPT = """// `picture` is a File or Blob, for example document.querySelector("input[type=file]").files[0]
const response = await fetch("{url}/api/predict", {{
  method: "POST",
  headers: {{ "Content-Type": "application/octet-stream" }},
  body: picture,
}});
const answer = await response.json();
console.log(answer.predictions[0].label, answer.predictions[0].proba);"""


def snippets(url: str) -> dict[str, str]:
    """Return code that asks the server at `url` (no slash at its end) about a picture, by language."""
    return {
        name: text.format(url=url) for name, text in (("curl", _CURL), ("Python", _PYTHON), ("JavaScript", _JAVASCRIPT))
    }
