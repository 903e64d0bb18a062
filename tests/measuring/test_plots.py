import subprocess
import sys


def test_a_matplotlibrc_in_the_working_folder_changes_no_plot(tmp_path):
    code = "from churn_agent.measuring.plots import to_svg; print(to_svg(lambda axes: axes.set_title('t')))"

    def drawn():
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    (tmp_path / "matplotlibrc").write_text("text.usetex: True\naxes.facecolor: ff0000\nsvg.hashsalt: x\n")
    theirs = drawn()
    assert "#ff0000" not in theirs
    assert ">t</text>" in theirs
