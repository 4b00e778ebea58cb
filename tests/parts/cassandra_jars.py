"""Apache Cassandra, as the jars that its project publishes: fetched by Maven, exactly these, or not at all."""

import hashlib
import re
import shutil
import subprocess
from pathlib import Path

from tests.parts import debian
from tests.parts.part import Missing, Part, Say

_JARS = "lib"
# SHA-256 over the lines of `sha256sum *.jar` in the order of names. Versions alone do not pin what a repository hands out.
_DIGEST = "b0e9d980fec64fc695cac3aa05aea0df473335de97a0a1b1283167d0d78ee052"
_JAVA = (11, 17)  # what Cassandra 5.0 runs on (cassandra.apache.org, 5.0, installation)
_PATIENCE_S = 900

_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>dev.tandem</groupId><artifactId>cassandra-part</artifactId><version>1</version>
  <dependencies><dependency>
    <groupId>org.apache.cassandra</groupId><artifactId>cassandra-all</artifactId><version>{version}</version>
  </dependency></dependencies>
</project>
"""


def _make(part: Part, into: Path, say: Say) -> None:
    """Fetch the jars into the folder `into`.

    Raises:
        Missing: Without Java or Maven, when Maven fails, or when other jars came than these.
    """
    debian.need(debian.CASSANDRA, say)
    _check_java()
    maven = str(shutil.which("mvn"))
    say("fetching Cassandra's jars, 66 MB, usually half a minute")
    (into / "pom.xml").write_text(_POM.format(version=part.version))
    command = [maven, "-q", "-B", "-f", str(into / "pom.xml"), "dependency:copy-dependencies", f"-DoutputDirectory={into / _JARS}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_PATIENCE_S)
    if done.returncode:
        lines = (done.stdout + done.stderr).strip().splitlines() or ["no output"]
        msg = f"Maven could not fetch Cassandra ({lines[0]}): check the network and Maven's settings"
        raise Missing(msg)
    if (found := _digest(into / _JARS)) != _DIGEST:
        msg = f"Maven's jars of Cassandra {part.version} have digest {found}, not {_DIGEST}: they are not used"
        raise Missing(msg)


def _check_java() -> None:
    java = shutil.which("java")
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr if java else ""
    version = re.search(r'version "(\d+)', said)
    if not version or int(version[1]) not in _JAVA:
        found = f"Java {version[1]}" if version else "no Java"
        msg = f"Cassandra runs on Java 11 or 17, and {found} is on PATH: install one (Debian: openjdk-17-jre-headless)"
        raise Missing(msg)


def _digest(folder: Path) -> str:
    lines = (f"{hashlib.sha256(jar.read_bytes()).hexdigest()}  {jar.name}\n" for jar in sorted(folder.glob("*.jar")))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


CASSANDRA = Part(name="cassandra", version="5.0.5", program=_JARS, make=_make)
