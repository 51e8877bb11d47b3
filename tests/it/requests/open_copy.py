"""Opens a copy by tools that are not verbale's, and prints what is in it; complains where anything is not as it says.

open_copy.py COPY.zip ROOT FOLDER: the root's public key in hex, and where to unpack.
"""

import json
import pathlib
import re
import subprocess
import sys
import zipfile

import jsonschema
import soundfile

copy, root, folder = pathlib.Path(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3])
folder.mkdir(exist_ok=True)
with zipfile.ZipFile(copy) as opened:
    assert opened.testzip() is None, "a file's checksum is wrong"
    opened.extractall(folder)

# As whoever gets the copy is told to check it.
script = re.search(r"---8<---\n(.*?)\n---8<---", (folder / "README.txt").read_text(), re.S)
(folder / "check.py").write_text(script.group(1))
subprocess.run([sys.executable, folder / "check.py", copy, root], check=True, stdout=sys.stderr)

data = json.loads((folder / "data.json").read_text())
jsonschema.Draft202012Validator.check_schema(schema := json.loads((folder / "schema.json").read_text()))
jsonschema.validate(data, schema)

sound = []
for call in data["recordings"]:
    for leg in call["legs"]:
        for audio in leg["audio"]:
            read = soundfile.info(str(folder / audio["file"]))
            assert read.frames > 0 and read.channels == 1, audio
            sound.append(
                {"recording": call["id"], "leg": leg["leg"], "purpose": audio["purpose"], "samples": read.frames}
            )
named = {audio["file"] for call in data["recordings"] for leg in call["legs"] for audio in leg["audio"]}
lying = {path.relative_to(folder).as_posix() for path in (folder / "calls").rglob("*.wav")}
assert named == lying, f"named and not there, or there and not named: {named ^ lying}"

page = (folder / "index.html").read_text()
for file in named:
    assert file in page, f"the page does not play {file}"
assert "<script" not in page and "http://" not in page, "the page needs more than itself"

json.dump(
    {
        "recordings": data["recordings"],
        "sound": sound,
        "consultations": data["consultations"],
        "consents": data["consent"]["history"],
        "notices": data["notices"],
        "vcons": [json.loads(path.read_text()) for path in sorted((folder / "portability").glob("*.json"))]
        if (folder / "portability").exists()
        else [],
        "page": page,
    },
    sys.stdout,
)
