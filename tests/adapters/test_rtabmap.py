"""A program that embeds Python as RTAB-Map does, reading our arrays by raw pointer."""

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest

import slam_frontend
from slam_frontend.adapters.binary import as_floats
from slam_frontend.adapters.rtabmap import Detector, export_rtabmap
from slam_frontend.config import ExtractorConfig, MatcherConfig
from slam_frontend.datasets.rendered import RenderConfig, RenderedSequence
from slam_frontend.errors import OutputError
from slam_frontend.features import create_extractor
from slam_frontend.matching import create_matcher
from slam_frontend.models.card import Card
from slam_frontend.models.network_config import FAST
from slam_frontend.models.superpoint import SuperPoint
from slam_frontend.models.weights import save_checkpoint

HOST = r"""
#define NPY_NO_DEPRECATED_API NPY_1_7_API_VERSION
#include <Python.h>
#include <numpy/arrayobject.h>

static int fail(const char *why) { PyErr_Print(); fprintf(stderr, "%s\n", why); return 1; }

static void *data_of(PyObject *object, int type, int width) {
    PyArrayObject *array = (PyArrayObject *)object;
    if (!PyArray_Check(object) || PyArray_NDIM(array) != 2 || PyArray_TYPE(array) != type) return NULL;
    if (width && PyArray_DIM(array, 1) != width) return NULL;
    if (!PyArray_CHKFLAGS(array, NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_OWNDATA | NPY_ARRAY_ALIGNED)) return NULL;
    return PyArray_DATA(array);
}

static void dump(FILE *file, const void *data, size_t size, npy_intp rows, npy_intp columns) {
    int shape[2] = {(int)rows, (int)columns};
    fwrite(shape, sizeof shape, 1, file);
    fwrite(data, size, rows * columns, file);
}

/* arguments: folder, width, height, pixels of two images in one file, output */
int main(int argc, char **argv) {
    int width = atoi(argv[2]), height = atoi(argv[3]);
    FILE *in = fopen(argv[4], "rb"), *out = fopen(argv[5], "wb");
    Py_Initialize();
    if (_import_array() < 0) return fail("no numpy");
    PyObject *path = PySys_GetObject("path");
    PyList_Append(path, PyUnicode_FromString(argv[1]));
    PyObject *detector = PyImport_ImportModule("slam_frontend_detector");
    PyObject *matcher = PyImport_ImportModule("slam_frontend_matcher");
    if (!detector || !matcher) return fail("the scripts can't be imported");
    if (!PyObject_CallMethod(detector, "init", "i", 0)) return fail("init of the detector");

    PyObject *found[2];
    for (int i = 0; i < 2; i++) {
        unsigned char *pixels = malloc((size_t)width * height);
        if (fread(pixels, 1, (size_t)width * height, in) != (size_t)width * height) return fail("short file");
        npy_intp shape[2] = {height, width};
        PyObject *image = PyArray_SimpleNewFromData(2, shape, NPY_UBYTE, pixels);
        found[i] = PyObject_CallMethod(detector, "detect", "O", image);
        Py_DECREF(image);
        memset(pixels, 0, (size_t)width * height);
        free(pixels);
        if (!found[i] || !PyTuple_Check(found[i]) || PyTuple_GET_SIZE(found[i]) != 2) return fail("no pair of arrays");
        for (int part = 0; part < 2; part++) {
            PyObject *array = PyTuple_GET_ITEM(found[i], part);
            float *values = data_of(array, NPY_FLOAT, part == 0 ? 3 : 0);
            if (!values) return fail("a result is not float32, owned and in one piece");
            npy_intp *dims = PyArray_DIMS((PyArrayObject *)array);
            dump(out, values, sizeof(float), dims[0], dims[1]);
        }
    }

    PyObject *descriptors0 = PyTuple_GET_ITEM(found[0], 1), *descriptors1 = PyTuple_GET_ITEM(found[1], 1);
    int dim = (int)PyArray_DIM((PyArrayObject *)descriptors0, 1);
    if (!PyObject_CallMethod(matcher, "init", "ifiis", dim, 0.2f, 20, 0, "indoor")) return fail("init of the matcher");
    PyObject *keypoints = PyTuple_GET_ITEM(found[0], 0);
    PyObject *matches = PyObject_CallMethod(matcher, "match", "OOOOOOii", keypoints, keypoints, keypoints, keypoints,
                                            descriptors0, descriptors1, width, height);
    if (!matches) return fail("match");
    int *rows = data_of(matches, NPY_INT32, 2);
    if (!rows) return fail("matches are not int32, owned and in one piece");
    dump(out, rows, sizeof(int), PyArray_DIM((PyArrayObject *)matches, 0), 2);
    fclose(out);
    return 0;
}
"""


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled program."""
    compiler, headers = shutil.which("gcc"), Path(sysconfig.get_path("include"))
    if compiler is None or not (headers / "Python.h").exists():
        pytest.skip("embedding Python needs gcc and Python's headers")
    folder = tmp_path_factory.mktemp("host")
    (folder / "host.c").write_text(HOST)
    library, name = sysconfig.get_config_var("LIBDIR"), f"python{sysconfig.get_config_var('LDVERSION')}"
    include = [f"-I{headers}", f"-I{np.get_include()}"]
    link = [f"-L{library}", f"-Wl,-rpath,{library}", f"-l{name}"]
    command = [compiler, "-O1", *include, "host.c", "-o", "host", *link]
    built = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if "cannot find -lpython" in built.stderr:
        pytest.skip("embedding Python needs its library (libpython)")
    assert built.returncode == 0, built.stderr
    return folder / "host"


def read_arrays(path: Path) -> list[np.ndarray]:
    data, arrays = path.read_bytes(), []
    while data:
        rows, columns = np.frombuffer(data[:8], np.int32)
        kind = np.float32 if len(arrays) < 4 else np.int32
        size = 4 * int(rows) * int(columns)
        arrays.append(np.frombuffer(data[8 : 8 + size], kind).reshape(rows, columns))
        data = data[8 + size :]
    return arrays


@pytest.mark.parametrize("name", ["sift", "orb"])
def test_an_embedding_program_reads_features_and_matches(name: str, host: Path, tmp_path: Path) -> None:
    sequence = RenderedSequence(RenderConfig(width=320, height=240))
    images = [sequence[index].image for index in (0, 2)]
    (tmp_path / "images.raw").write_bytes(b"".join(image.tobytes() for image in images))
    config = ExtractorConfig(name=name, max_keypoints=300)
    export_rtabmap(tmp_path / "scripts", config, MatcherConfig())
    arguments = [tmp_path / "scripts", 320, 240, tmp_path / "images.raw", tmp_path / "out.raw"]
    done = subprocess.run([host, *map(str, arguments)], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr

    keypoints0, descriptors0, keypoints1, descriptors1, matches = read_arrays(tmp_path / "out.raw")
    features0, features1 = (create_extractor(config.for_tracking()).extract(image) for image in images)
    for keypoints, descriptors, features in (
        (keypoints0, descriptors0, features0),
        (keypoints1, descriptors1, features1),
    ):
        assert np.array_equal(keypoints, np.column_stack([features.keypoints, features.scores]))
        assert np.array_equal(descriptors, as_floats(features))
    expected = create_matcher({}).match(features0, features1)
    assert len(expected) > 100
    assert {tuple(row) for row in matches.tolist()} == {tuple(row) for row in expected.indices.tolist()}


def test_an_image_without_features_gives_empty_arrays_of_the_right_shape(tmp_path: Path) -> None:
    detector, _ = export_rtabmap(tmp_path, ExtractorConfig(name="orb"), MatcherConfig())
    scope: dict = {}
    exec(detector.read_text(), scope)
    scope["init"](0)
    keypoints, descriptors = scope["detect"](np.zeros((120, 160), np.uint8))
    assert (keypoints.shape, keypoints.dtype) == ((0, 3), np.float32)
    assert (descriptors.shape, descriptors.dtype) == ((0, 256), np.float32)


def test_whatever_image_comes_the_arrays_can_be_read() -> None:
    image = RenderedSequence(RenderConfig(width=320, height=240))[0].image
    for name, width in (("orb", 256), ("superpoint-fast", 64)):
        detector = Detector(name=name)
        count = len(detector.detect(image)[0])
        shapes = {(0, 0): 0, (1, 1): 0, (7, 300): 0, (240, 320): count, (240, 320, 3): count}
        for shape, expected in shapes.items():
            picture = np.broadcast_to(image if len(shape) == 2 else image[..., None], (240, 320, *shape[2:]))
            keypoints, descriptors = detector.detect(picture[: shape[0], : shape[1]])
            assert keypoints.shape == (expected, 3) and descriptors.shape == (expected, width)
            for array in (keypoints, descriptors):
                assert array.dtype == np.float32 and array.flags.owndata and array.flags.c_contiguous


def test_the_scripts_say_so_when_rtabmap_embeds_another_python(tmp_path: Path) -> None:
    detector, _ = export_rtabmap(tmp_path, ExtractorConfig(name="orb"), MatcherConfig())
    text = detector.read_text().replace(str(sys.version_info[:2]), "(2, 7)")
    with pytest.raises(ImportError, match=r"installed for Python \(2, 7\), but RTAB-Map embeds 3"):
        exec(text, {})


def test_the_scripts_find_the_package_where_it_lies(tmp_path: Path) -> None:
    root = str(Path(slam_frontend.__file__).parents[1])
    for script in export_rtabmap(tmp_path, ExtractorConfig(name="orb"), MatcherConfig()):
        assert repr(root) in script.read_text()


def test_the_detector_finds_its_weights_wherever_rtabmap_runs(tmp_path: Path, monkeypatch) -> None:
    save_checkpoint(tmp_path / "net.pt", SuperPoint(FAST), Card(name="net", network=FAST))
    monkeypatch.chdir(tmp_path)
    config = ExtractorConfig(name="superpoint-fast", weights=Path("net.pt"))
    detector, _ = export_rtabmap(tmp_path / "scripts", config, MatcherConfig())
    assert f"'weights': '{tmp_path / 'net.pt'}'" in detector.read_text()


def test_somebody_elses_script_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "slam_frontend_matcher.py").write_text("precious = True\n")
    with pytest.raises(OutputError, match="holds something else"):
        export_rtabmap(tmp_path, ExtractorConfig(name="orb"), MatcherConfig())
    assert not (tmp_path / "slam_frontend_detector.py").exists()


def test_scripts_of_other_settings_are_left_alone(tmp_path: Path) -> None:
    detector, _ = export_rtabmap(tmp_path, ExtractorConfig(name="orb"), MatcherConfig())
    export_rtabmap(tmp_path, ExtractorConfig(name="orb"), MatcherConfig())
    with pytest.raises(OutputError, match="holds something else"):
        export_rtabmap(tmp_path, ExtractorConfig(name="sift"), MatcherConfig())
    assert "'name': 'orb'" in detector.read_text()
