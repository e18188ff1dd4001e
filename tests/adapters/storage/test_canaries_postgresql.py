"""No secret is in a database, either: of what a run has come upon, nor the one by which it was reached."""

from pathlib import Path

from tests.support.canaries import DATABASE
from tests.support.jobs.canaries import review, surroundings
from tests.support.services.postgres import Server

_TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"


def test_no_secret_is_in_a_database(server: Server, tmp_path: Path) -> None:
    plain = server.database("canaries")
    told = plain.replace("postgres@", f"postgres:{DATABASE}@", 1)
    with surroundings(tmp_path) as scene:
        scene.inputs = {"state_dir": ""}
        scene.variables = {"DATABASE_URL": told}
        scene.left = review(scene)
        assert scene.left.exit == 0, scene.left.log
        for (name,) in server.run(_TABLES, url=plain):
            dumped = server.run(f'SELECT t::text FROM "{name}" t', url=plain)
            scene.more[f"table {name}"] = "\n".join(str(row[0]) for row in dumped)
        assert any("octo/app" in text for text in scene.more.values())
        assert not scene.leaking()
