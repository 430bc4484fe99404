"""What the process of a run imports: it comes to its first transfer soon, so what it does not need is not there."""

import os
import subprocess
import sys
from pathlib import Path

from dagster._core.definitions.reconstruct import ReconstructableRepository
from dagster._grpc.types import ExecuteRunArgs

import ferrero_dagster
from ferrero_dagster_tests.fix_dagster import PARTITION

#: Pages, pictures, tables and whatever else takes long to import and moves no file.
NEVER = {"pandas", "numpy", "matplotlib", "PIL", "pymediainfo", "dagster_webserver", "dagster_graphql", "starlette"}
#: Needed when there is a mail, which a run sends after its files, or a name of the agency to be read.
LATER = {"jinja2", "css_inline", "pycountry"}
#: Python imports it by itself at the start of each process.
TELL_IN_THE_END = """
import atexit, os, sys
atexit.register(lambda: open(os.environ["MODULES"], "w").write(" ".join(sys.modules)))
"""


def launched(cockpit, campaign_id):
    """The command of the process of a run, as a launcher starts it."""
    code = ReconstructableRepository.for_module("ferrero_dagster.definitions", "definitions")
    origin = code.get_reconstructable_job("a1_to_a2").get_python_origin()
    cockpit.instance.add_dynamic_partitions("campaigns", [cockpit.key(campaign_id)])
    run = cockpit.instance.create_run_for_job(
        cockpit.repository.get_job("a1_to_a2"),
        tags={PARTITION: cockpit.key(campaign_id)},
        job_code_origin=origin,
    )
    args = ExecuteRunArgs(origin, run.run_id, cockpit.instance.get_ref(), set_exit_code_on_failure=True)
    return [sys.executable, "-m", *args.get_command_args()]


def test_the_process_of_a_run_that_moves_files_imports_nothing_that_it_does_not_need(cockpit, tmp_path):
    campaign_id = cockpit.world.campaign()
    (tmp_path / "sitecustomize.py").write_text(TELL_IN_THE_END)
    path = os.pathsep.join([str(tmp_path), str(Path(ferrero_dagster.__file__).parents[1])])
    environment = {**os.environ, "PYTHONPATH": path, "MODULES": str(tmp_path / "modules")}
    subprocess.run(launched(cockpit, campaign_id), env=environment, check=True, capture_output=True)
    assert cockpit.world.dam.store.status(campaign_id) == "A2"
    modules = {*(tmp_path / "modules").read_text().split()}
    assert {"ferrero_dagster.transfer.masters.run", "box_sdk_gen"} <= modules
    assert not modules & NEVER


def test_what_mails_and_names_need_is_not_imported_before_there_is_one():
    script = "import sys, ferrero_dagster.definitions as d; d.definitions().get_repository_def(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=True)
    assert not {*done.stdout.split()} & (NEVER | LATER)


def test_what_dagster_is_made_of_is_not_looked_through_for_garbage_while_we_are_imported():
    script = "import gc, dagster, ferrero_dagster.defs; print(gc.get_freeze_count())"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 100_000
