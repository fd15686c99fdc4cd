"""Writes honest model files with the libraries themselves, and their index.

    python honest.py --out FOLDER
"""

import argparse
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import os
import pickle
import random
import uuid
import warnings
from importlib.metadata import version
from pathlib import PurePosixPath

os.environ.setdefault("KERAS_BACKEND", "jax")
warnings.simplefilter("ignore")

import joblib  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import scipy.sparse  # noqa: E402

from opcodes import Files  # noqa: E402


class Colour(enum.Enum):
    RED = 1


@dataclasses.dataclass
class Settings:
    rate: float = 0.1


def estimators():
    from sklearn import (
        calibration, cluster, compose, cross_decomposition, decomposition, discriminant_analysis, dummy, ensemble, feature_extraction, feature_selection,
        gaussian_process, impute, isotonic, kernel_approximation, linear_model, manifold, mixture, model_selection, multioutput, naive_bayes, neighbors,
        neural_network, pipeline, preprocessing, svm, tree,
    )
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401

    steps = pipeline.make_pipeline(preprocessing.StandardScaler(), linear_model.LogisticRegression())
    columns = compose.ColumnTransformer([("n", preprocessing.StandardScaler(), [0, 1]), ("c", preprocessing.KBinsDiscretizer(3, encode="onehot-dense"), [2, 3])])
    return {
        "logistic": linear_model.LogisticRegression(),
        "ridge": linear_model.RidgeCV(),
        "elastic_net": linear_model.ElasticNetCV(cv=3),
        "sgd": linear_model.SGDClassifier(random_state=1),
        "sgd_modified_huber": linear_model.SGDClassifier(loss="modified_huber", random_state=1),
        "huber": linear_model.HuberRegressor(),
        "poisson": linear_model.PoissonRegressor(),
        "quantile": linear_model.QuantileRegressor(),
        "tree": tree.DecisionTreeClassifier(random_state=1),
        "extra_tree": tree.ExtraTreeRegressor(random_state=1),
        "forest": ensemble.RandomForestClassifier(5, random_state=1),
        "extra_trees": ensemble.ExtraTreesRegressor(5, random_state=1),
        "isolation_forest": ensemble.IsolationForest(n_estimators=5, random_state=1),
        "boosting": ensemble.GradientBoostingClassifier(n_estimators=5, random_state=1),
        "boosting_regressor": ensemble.GradientBoostingRegressor(n_estimators=5, loss="huber", random_state=1),
        "hist_boosting": ensemble.HistGradientBoostingClassifier(max_iter=5, random_state=1),
        "hist_boosting_regressor": ensemble.HistGradientBoostingRegressor(max_iter=5, loss="poisson", early_stopping=True, random_state=1),
        "ada": ensemble.AdaBoostClassifier(n_estimators=3, random_state=1),
        "bagging": ensemble.BaggingClassifier(n_estimators=3, random_state=1),
        "voting": ensemble.VotingClassifier([("a", naive_bayes.GaussianNB()), ("b", tree.DecisionTreeClassifier())]),
        "stacking": ensemble.StackingClassifier([("a", naive_bayes.GaussianNB()), ("b", tree.DecisionTreeClassifier())], cv=2),
        "neighbours": neighbors.KNeighborsClassifier(),
        "neighbours_ball": neighbors.KNeighborsClassifier(algorithm="ball_tree", metric="manhattan"),
        "radius": neighbors.RadiusNeighborsRegressor(5.0),
        "density": neighbors.KernelDensity(),
        "outlier_factor": neighbors.LocalOutlierFactor(novelty=True),
        "nca": neighbors.NeighborhoodComponentsAnalysis(2, max_iter=5, random_state=1),
        "svc": svm.SVC(probability=False),
        "linear_svc": svm.LinearSVC(),
        "one_class": svm.OneClassSVM(),
        "gaussian_process": gaussian_process.GaussianProcessClassifier(gaussian_process.kernels.RBF() + gaussian_process.kernels.WhiteKernel()),
        "gaussian_process_regressor": gaussian_process.GaussianProcessRegressor(gaussian_process.kernels.Matern(nu=1.5)),
        "network": neural_network.MLPClassifier(hidden_layer_sizes=(5,), max_iter=20, random_state=1),
        "network_sgd": neural_network.MLPRegressor(hidden_layer_sizes=(4,), solver="sgd", max_iter=20, early_stopping=True, random_state=1),
        "bayes": naive_bayes.GaussianNB(),
        "lda": discriminant_analysis.LinearDiscriminantAnalysis(),
        "calibrated": calibration.CalibratedClassifierCV(naive_bayes.GaussianNB(), method="isotonic", cv=2),
        "calibrated_sigmoid": calibration.CalibratedClassifierCV(linear_model.LogisticRegression(), cv=2),
        "isotonic": isotonic.IsotonicRegression(),
        "pipeline": steps,
        "columns": pipeline.make_pipeline(columns, linear_model.LogisticRegression()),
        "union": pipeline.make_union(decomposition.PCA(2), preprocessing.PolynomialFeatures(2)),
        "grid": model_selection.GridSearchCV(steps, {"logisticregression__C": [0.1, 1.0]}, cv=2),
        "random_search": model_selection.RandomizedSearchCV(tree.DecisionTreeClassifier(), {"max_depth": [1, 2, 3]}, n_iter=2, cv=2, random_state=1),
        "random_search_distribution": model_selection.RandomizedSearchCV(linear_model.Ridge(), {"alpha": __import__("scipy").stats.loguniform(0.1, 1)}, n_iter=2, cv=2, random_state=1),
        "grid_scorer": model_selection.GridSearchCV(linear_model.Ridge(), {"alpha": [0.1]}, scoring="neg_mean_squared_error", cv=2),
        "multi_output": multioutput.MultiOutputRegressor(linear_model.Ridge()),
        "target_transformed": compose.TransformedTargetRegressor(linear_model.Ridge(), func=np.log1p, inverse_func=np.expm1),
        "function_log": pipeline.make_pipeline(preprocessing.FunctionTransformer(np.log1p), linear_model.Ridge()),
        "pca": decomposition.PCA(2),
        "nmf_like": decomposition.FastICA(2, random_state=1),
        "dictionary": decomposition.MiniBatchDictionaryLearning(3, max_iter=5, random_state=1),
        "svd": decomposition.TruncatedSVD(2, random_state=1),
        "pls": cross_decomposition.PLSRegression(2),
        "kmeans": cluster.KMeans(3, n_init=2, random_state=1),
        "dbscan": cluster.DBSCAN(),
        "birch": cluster.Birch(),
        "agglomerative": cluster.AgglomerativeClustering(),
        "mixture": mixture.GaussianMixture(2, random_state=1),
        "isomap": manifold.Isomap(n_neighbors=5),
        "scaler": preprocessing.RobustScaler(),
        "quantile_transform": preprocessing.QuantileTransformer(n_quantiles=10),
        "power": preprocessing.PowerTransformer(),
        "one_hot": preprocessing.OneHotEncoder(),
        "spline": preprocessing.SplineTransformer(),
        "imputer": impute.SimpleImputer(),
        "knn_imputer": impute.KNNImputer(),
        "iterative_imputer": impute.IterativeImputer(max_iter=2, random_state=1),
        "select": feature_selection.SelectKBest(k=2),
        "rfe": feature_selection.RFE(linear_model.LogisticRegression(), n_features_to_select=2),
        "nystroem": kernel_approximation.Nystroem(n_components=5, random_state=1),
        "dummy": dummy.DummyClassifier(),
        "hasher": feature_extraction.FeatureHasher(),
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    files = Files(parser.parse_args().out)
    rng = np.random.default_rng(1)
    x = rng.normal(size=(80, 4))
    y = (x[:, 0] + 0.3 * rng.normal(size=80) > 0).astype(int)

    def made(file, category, technique, *packages):
        files.add(file, None, category=category, technique=technique, source=", ".join(f"{p} {version(p)}" for p in packages))

    def dump(file, value, category, technique, *packages, protocol=None):
        with open(files.folder / file, "wb") as out:
            pickle.dump(value, out, protocol=protocol)
        made(file, category, technique, *packages)

    compress = [None, 3, ("gzip", 3), ("bz2", 3), ("xz", 3), ("lzma", 3)]
    for i, (name, model) in enumerate(estimators().items()):
        target = y if name != "multi_output" else np.c_[x[:, 1], x[:, 2]]
        target = np.abs(target) if name in ("poisson", "function_log") else target
        sample = x if name not in ("isotonic", "hasher", "function_log", "target_transformed") else x[:, 0] if name == "isotonic" else np.abs(x)
        if name != "hasher":
            model.fit(sample, np.abs(target) if name == "target_transformed" else target)
        technique = f"{type(model).__name__}, fitted"
        if i % 3 == 0:
            dump(f"sklearn_{name}.pkl", model, "scikit-learn", technique, "scikit-learn", protocol=(2, 3, 4, 5)[i // 3 % 4])
        else:
            how = compress[i // 3 % len(compress)] if i % 3 == 2 else None
            joblib.dump(model, files.folder / f"sklearn_{name}.joblib", compress=how or 0)
            made(f"sklearn_{name}.joblib", "scikit-learn", technique + (f", compressed {how}" if how else ""), "scikit-learn", "joblib")
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import LabelEncoder

    words = ["good film", "bad film", "good play", "bad play"] * 5
    dump("sklearn_text.pkl", make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(words, [1, 0, 1, 0] * 5), "scikit-learn", "text pipeline", "scikit-learn")
    dump("sklearn_labels.pkl", LabelEncoder().fit(["a", "b"]), "scikit-learn", "label encoder", "scikit-learn", protocol=0)
    joblib.dump({"model": LogisticRegression().fit(x, y), "columns": ["a", "b"], "trained": datetime.date(2024, 5, 1)}, files.folder / "sklearn_bundle.joblib", compress=("zlib", 3))
    made("sklearn_bundle.joblib", "scikit-learn", "estimator with column names and a date", "scikit-learn", "joblib")

    import xgboost

    booster = xgboost.XGBClassifier(n_estimators=5, max_depth=2, n_jobs=1).fit(x, y)
    dump("xgboost_classifier.pkl", booster, "boosting", "XGBClassifier", "xgboost")
    dump("xgboost_booster.pkl", booster.get_booster(), "boosting", "Booster", "xgboost")
    joblib.dump(xgboost.XGBRegressor(n_estimators=5, n_jobs=1).fit(x, x[:, 1]), files.folder / "xgboost_regressor.joblib")
    made("xgboost_regressor.joblib", "boosting", "XGBRegressor", "xgboost", "joblib")
    for ending in ("json", "ubj"):
        booster.save_model(files.folder / f"xgboost.{ending}")
        made(f"xgboost.{ending}", "boosting", f"model file in {ending}", "xgboost")
    import lightgbm

    light = lightgbm.LGBMClassifier(n_estimators=5, verbose=-1, n_jobs=1).fit(x, y)
    dump("lightgbm_classifier.pkl", light, "boosting", "LGBMClassifier", "lightgbm")
    dump("lightgbm_booster.pkl", light.booster_, "boosting", "Booster", "lightgbm")
    light.booster_.save_model(files.folder / "lightgbm.txt")
    made("lightgbm.txt", "boosting", "model file as text", "lightgbm")
    import catboost

    cat = catboost.CatBoostClassifier(iterations=5, verbose=False, allow_writing_files=False, thread_count=1).fit(x, y)
    dump("catboost_classifier.pkl", cat, "boosting", "CatBoostClassifier", "catboost")
    cat.save_model(str(files.folder / "catboost.cbm"))
    made("catboost.cbm", "boosting", "model file", "catboost")

    frame = pd.DataFrame({"n": x[:, 0], "i": y, "t": ["a", "b"] * 40, "d": pd.date_range("2024-01-01", periods=80), "c": pd.Categorical(["u", "v"] * 40)})
    dump("pandas_frame.pkl", frame, "pandas", "data frame of five types", "pandas")
    dump("pandas_index.pkl", frame.set_index(["t", "d"]), "pandas", "data frame with a MultiIndex", "pandas")
    dump("pandas_series.pkl", frame["n"], "pandas", "series", "pandas", protocol=2)
    dump("pandas_missing.pkl", pd.DataFrame({"a": pd.array([1, None], dtype="Int64"), "b": pd.array(["x", None], dtype="string"), "c": [pd.NaT, pd.Timestamp("2024-01-01", tz="UTC")]}), "pandas", "missing values and time zones", "pandas")
    dump("pandas_intervals.pkl", pd.cut(frame["n"], 3), "pandas", "intervals", "pandas")
    frame.to_pickle(files.folder / "pandas_frame.pkl.gz")
    made("pandas_frame.pkl.gz", "pandas", "data frame, gzip", "pandas")
    frame.to_pickle(files.folder / "pandas_frame.pkl.zip")
    made("pandas_frame.pkl.zip", "pandas", "data frame, zip", "pandas")
    frame.to_pickle(files.folder / "pandas_frame.pkl.xz")
    made("pandas_frame.pkl.xz", "pandas", "data frame, xz", "pandas")
    import polars

    dump("polars_frame.pkl", polars.DataFrame({"a": [1, 2], "b": ["x", "y"]}), "pandas", "polars data frame", "polars")

    import statsmodels.api as sm
    from statsmodels.tsa.arima.model import ARIMA

    dump("statsmodels_ols.pkl", sm.OLS(x[:, 1], sm.add_constant(x[:, 2:])).fit(), "statsmodels", "OLS results", "statsmodels")
    dump("statsmodels_logit.pkl", sm.Logit(y, sm.add_constant(x[:, 2:])).fit(disp=0), "statsmodels", "Logit results", "statsmodels")
    sm.GLM(y, sm.add_constant(x[:, 2:]), family=sm.families.Binomial()).fit().save(str(files.folder / "statsmodels_glm.pickle"))
    made("statsmodels_glm.pickle", "statsmodels", "GLM results by their own save", "statsmodels")
    dump("statsmodels_arima.pkl", ARIMA(np.cumsum(x[:, 0]), order=(1, 0, 0)).fit(), "statsmodels", "ARIMA results", "statsmodels")

    for kind in ("csr", "csc", "coo", "dok", "lil", "bsr", "dia"):
        dump(f"scipy_{kind}.pkl", scipy.sparse.random(10, 10, 0.2, random_state=1).asformat(kind), "scipy", f"sparse matrix, {kind}", "scipy")
    dump("scipy_array.pkl", scipy.sparse.csr_array(np.eye(3)), "scipy", "sparse array", "scipy")
    scipy.sparse.save_npz(files.folder / "scipy_matrix.npz", scipy.sparse.random(10, 10, 0.2, format="csr", random_state=1))
    made("scipy_matrix.npz", "scipy", "sparse matrix by save_npz", "scipy")
    from scipy import interpolate, spatial

    dump("scipy_interpolate.pkl", interpolate.CubicSpline(np.arange(5.0), np.arange(5.0) ** 2), "scipy", "spline", "scipy")
    dump("scipy_tree.pkl", spatial.cKDTree(x), "scipy", "k-d tree", "scipy")
    dump("scipy_distribution.pkl", scipy.stats.norm(1, 2), "scipy", "frozen distribution", "scipy")

    dump("numpy_weights.pkl", {"w": x, "b": np.zeros(3, np.float32), "n": np.int64(3), "f": np.float32(0.5)}, "numpy", "arrays and scalars", "numpy")
    dump("numpy_protocol2.pkl", {"w": x.astype(np.float16)}, "numpy", "arrays, protocol 2", "numpy", protocol=2)
    dump("numpy_protocol5.pkl", [x, x.T, x[:, ::2]], "numpy", "arrays, protocol 5", "numpy", protocol=5)
    dump("numpy_protocol0.pkl", {"w": x[:3]}, "numpy", "arrays, protocol 0", "numpy", protocol=0)
    dump("numpy_types.pkl", [np.dtype("f4"), np.float64, np.array(["a", "bc"]), np.array([b"x"]), np.datetime64("2024-01-01"), np.array([True]), np.complex64(1)], "numpy", "types, texts, dates", "numpy")
    dump("numpy_record.pkl", np.zeros(3, dtype=[("a", "f4"), ("b", "i4")]), "numpy", "record array", "numpy")
    dump("numpy_masked.pkl", np.ma.masked_array([1.0, 2.0], [True, False]), "numpy", "masked array", "numpy")
    dump("numpy_generator.pkl", {"rng": np.random.default_rng(3), "old": np.random.RandomState(3)}, "numpy", "random generators", "numpy")
    dump("numpy_bits.pkl", [np.random.Generator(np.random.PCG64DXSM(1)), np.random.SFC64(1), np.random.Philox(1), np.random.SeedSequence(5)], "numpy", "bit generators", "numpy")
    dump("numpy_objects.pkl", np.array([{"a": 1}, None, "x"], dtype=object), "numpy", "array of objects", "numpy")
    np.save(files.folder / "numpy_plain.npy", x)
    made("numpy_plain.npy", "numpy", "array", "numpy")
    np.save(files.folder / "numpy_objects.npy", np.array([{"a": 1}, "b"], dtype=object))
    made("numpy_objects.npy", "numpy", "array of objects", "numpy")
    np.save(files.folder / "numpy_record.npy", np.zeros(3, dtype=[("a", "f4"), ("O_count", "i4")]))
    made("numpy_record.npy", "numpy", "record array with a field named O_count", "numpy")
    np.save(files.folder / "numpy_fortran.npy", np.asfortranarray(x))
    made("numpy_fortran.npy", "numpy", "column-major array", "numpy")
    np.save(files.folder / "numpy_text.npy", np.array(["OK", "O"]))
    made("numpy_text.npy", "numpy", "array of texts", "numpy")
    np.savez(files.folder / "numpy_archive.npz", w=x, b=np.arange(3))
    made("numpy_archive.npz", "numpy", "archive", "numpy")
    np.savez_compressed(files.folder / "numpy_archive_compressed.npz", w=x, names=np.array(["a", "b"]))
    made("numpy_archive_compressed.npz", "numpy", "compressed archive", "numpy")
    np.savez(files.folder / "numpy_archive_objects.npz", w=x, names=np.array(["a", None], dtype=object))
    made("numpy_archive_objects.npz", "numpy", "archive with objects", "numpy")
    joblib.dump([x, {"a": np.array(["x", "y"]), "b": np.zeros((0, 3)), "c": np.array([b"1"], "S3")}], files.folder / "joblib_arrays.joblib")
    made("joblib_arrays.joblib", "numpy", "arrays of several types", "joblib", "numpy")
    joblib.dump({"names": np.array(["a", None], dtype=object), "dates": np.array(["2024-01-01"], "M8[D]"), "flags": np.array([True]), "rec": np.zeros(2, [("a", "f4"), ("b", "i8")])}, files.folder / "joblib_odd.joblib")
    made("joblib_odd.joblib", "numpy", "arrays of objects, dates, flags, records", "joblib", "numpy")
    for how in ("zlib", "gzip", "bz2", "xz", "lzma"):
        joblib.dump({"w": x}, files.folder / f"joblib_{how}.joblib", compress=(how, 3))
        made(f"joblib_{how}.joblib", "numpy", f"arrays, {how}", "joblib")

    standard = {
        "ordered": collections.OrderedDict(a=1), "default": collections.defaultdict(list, a=[1]), "lists": collections.defaultdict(dict), "counter": collections.Counter("aab"),
        "queue": collections.deque([1, 2], maxlen=4), "set": {1, 2}, "frozen": frozenset([1]), "bytes": b"abc", "array": bytearray(b"x"), "complex": 1j, "range": range(5), "slice": slice(1, 5, 2),
    }
    for protocol in range(6):
        dump(f"standard_protocol{protocol}.pkl", standard, "standard", f"containers, protocol {protocol}", protocol=protocol)
    dump("standard_dates.pkl", {"d": datetime.date(2024, 1, 1), "t": datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc), "p": datetime.timedelta(1), "c": datetime.time(12)}, "standard", "dates and time zones")
    dump("standard_numbers.pkl", {"price": decimal.Decimal("1.5"), "part": fractions.Fraction(1, 3), "big": 10**40, "id": uuid.UUID(int=5)}, "standard", "decimals, fractions, UUID")
    dump("standard_paths.pkl", {"out": PurePosixPath("runs/1"), "args": argparse.Namespace(lr=0.1)}, "standard", "paths and arguments")
    random.seed(1)
    dump("standard_random.pkl", {"state": random.getstate(), "random": random.Random(3)}, "standard", "random states")
    dump("standard_text.pkl", {"note": "import os; os.system('echo')", "history": ["subprocess.Popen", "eval(x)"]}, "standard", "texts that name dangerous functions and name nothing")
    dump("standard_bytes.pkl", {"blob": bytes(range(256)), "magic": b"\x80\x02abc", "zip": b"PK\x03\x04" + bytes(30)}, "standard", "bytes that begin like a pickle and are none")
    dump("standard_nested.pkl", {"cached": pickle.dumps({"a": [1, 2]}), "frame": pickle.dumps(x)}, "standard", "harmless pickles in bytes")
    dump("standard_simple.pkl", __import__("types").SimpleNamespace(a=1), "standard", "a SimpleNamespace")
    with open(files.folder / "standard_several.pkl", "wb") as out:
        for epoch in range(8):
            pickle.dump({"epoch": epoch, "w": x[:2]}, out)
    made("standard_several.pkl", "standard", "eight pickles in one file")

    dump("own_class.pkl", {"settings": Settings(), "colour": Colour.RED}, "own", "a dataclass and an enumeration of the training script")
    from omegaconf import OmegaConf

    dump("own_omegaconf.pkl", OmegaConf.create({"lr": 0.1, "layers": [1, 2]}), "own", "a configuration", "omegaconf")

    from safetensors.numpy import save_file

    save_file({"w": x.astype(np.float32), "b": np.zeros(3, np.float16)}, files.folder / "safetensors_plain.safetensors")
    made("safetensors_plain.safetensors", "safetensors", "two tensors", "safetensors")
    save_file({f"layer.{i}": x.astype(np.float32) for i in range(50)}, files.folder / "safetensors_many.safetensors", metadata={"format": "np", "note": "exec(open('x').read())"})
    made("safetensors_many.safetensors", "safetensors", "fifty tensors and metadata that look like code", "safetensors")

    import keras

    def network(file, model, technique):
        model.save(files.folder / file)
        made(file, "keras", technique, "keras")

    layers = keras.layers
    keras.utils.set_random_seed(1)
    dense = keras.Sequential([keras.Input((4,)), layers.Dense(8, activation="relu"), layers.Dropout(0.2), layers.BatchNormalization(), layers.Dense(1)])
    network("keras_sequential.keras", dense, "sequential model")
    dense.compile(optimizer=keras.optimizers.Adam(1e-3), loss="mse", metrics=["mae"])
    dense.fit(x, y, epochs=1, verbose=0)
    network("keras_compiled.keras", dense, "compiled and trained, with its optimizer")
    inputs = keras.Input((8, 8, 1))
    body = layers.Conv2D(4, 3, kernel_regularizer="l2", kernel_initializer=keras.initializers.HeNormal(seed=1))(inputs)
    network("keras_functional.keras", keras.Model(inputs, layers.Dense(2, activation=keras.activations.softmax)(layers.Flatten()(body))), "functional model")
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
    again = keras.Input((4,))
    network("keras_nested.keras", keras.Model(again, layers.Dense(1)(inner(again))), "a model in a model")
    network("keras_text.keras", keras.Sequential([keras.Input((5,)), layers.Embedding(20, 4), layers.Bidirectional(layers.LSTM(3)), layers.Dense(1, activation="sigmoid")]), "a recurrent model")
    network("keras_attention.keras", keras.Sequential([keras.Input((5, 4)), layers.TimeDistributed(layers.Dense(3)), layers.LayerNormalization(), layers.GlobalAveragePooling1D(), layers.Dense(1)]), "wrapped layers")
    network("keras_operations.keras", keras.Model(again, keras.ops.relu(again * 2.0) + 1.0), "operations as layers")
    network("keras_images.keras", keras.Sequential([keras.Input((8, 8, 3)), layers.Rescaling(1 / 255), layers.RandomFlip(), layers.Conv2D(2, 3), layers.GlobalMaxPooling2D()]), "preprocessing layers")
    normal = layers.Normalization()
    normal.adapt(x)
    network("keras_normalization.keras", keras.Sequential([keras.Input((4,)), normal, layers.Dense(1)]), "adapted normalisation")
    network("keras_sequential.h5", dense, "HDF5")

    import onnx
    from onnx import helper, numpy_helper
    from skl2onnx import to_onnx
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.preprocessing import StandardScaler

    for name, model in (("logistic", make_pipeline(StandardScaler(), LogisticRegression())), ("forest", RandomForestClassifier(3, random_state=1))):
        with open(files.folder / f"onnx_{name}.onnx", "wb") as out:
            out.write(to_onnx(model.fit(x, y), x[:1].astype(np.float32)).SerializeToString())
        made(f"onnx_{name}.onnx", "onnx", f"{name}, converted", "skl2onnx")
    weight = numpy_helper.from_array(rng.normal(size=(8, 4)).astype(np.float32), "w")
    information = [helper.make_tensor_value_info("x", 1, [1, 8])], [helper.make_tensor_value_info("y", 1, [1, 4])]
    simple = helper.make_model(helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "g", *information, [weight]))
    onnx.save(simple, files.folder / "onnx_matmul.onnx")
    made("onnx_matmul.onnx", "onnx", "one operator", "onnx")
    onnx.save_model(simple, files.folder / "onnx_external.onnx", save_as_external_data=True, location="onnx_external.bin", size_threshold=0)
    made("onnx_external.onnx", "onnx", "external data beside the file", "onnx")
    branch = helper.make_graph([helper.make_node("Identity", ["w"], ["c"])], "b", [], [helper.make_tensor_value_info("c", 1, [8, 4])])
    conditional = helper.make_model(helper.make_graph([helper.make_node("If", ["k"], ["v"], then_branch=branch, else_branch=branch)], "g",
                                                      [helper.make_tensor_value_info("k", 9, [])], [helper.make_tensor_value_info("v", 1, [8, 4])], [weight]))
    onnx.save(conditional, files.folder / "onnx_branches.onnx")
    made("onnx_branches.onnx", "onnx", "branches", "onnx")
    local = helper.make_function("local", "Twice", ["x"], ["y"], [helper.make_node("Add", ["x", "x"], ["y"])], [helper.make_opsetid("", 17)])
    own = helper.make_model(helper.make_graph([helper.make_node("Twice", ["x"], ["y"], domain="local")], "g", information[0], [helper.make_tensor_value_info("y", 1, [1, 8])]),
                            functions=[local], opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("local", 1)])
    onnx.save(own, files.folder / "onnx_function.onnx")
    made("onnx_function.onnx", "onnx", "a function defined in the model itself", "onnx")
    dots = onnx.ModelProto()
    dots.CopyFrom(simple)
    onnx.save_model(dots, files.folder / "onnx_dots.onnx", save_as_external_data=True, location="weights..v2.bin", size_threshold=0)
    made("onnx_dots.onnx", "onnx", "external data in a file with two dots in its name", "onnx")
    fused = helper.make_model(helper.make_graph([helper.make_node("FusedMatMul", ["x", "w"], ["y"], domain="com.microsoft")], "g", *information, [weight]),
                              opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)])
    onnx.save(fused, files.folder / "onnx_fused.onnx")
    made("onnx_fused.onnx", "onnx", "an operator of ONNX Runtime", "onnx")

    import gguf

    for name, template in (("plain", None), ("template", "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] | trim }}{% endfor %}")):
        writer = gguf.GGUFWriter(str(files.folder / f"gguf_{name}.gguf"), "llama")
        if template:
            writer.add_chat_template(template)
        writer.add_tensor("blk.0.attn_q.weight", rng.normal(size=(16, 8)).astype(np.float32))
        writer.add_tensor("blk.0.ffn_up.weight", rng.normal(size=(16, 8)).astype(np.float16))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        made(f"gguf_{name}.gguf", "gguf", f"{name}", "gguf")

    for line in files.lines:
        line.update(hostile=False, refused=False, optional=line["name"] == "own_class.pkl")
    files.close()
    print(len(files.lines), "honest files")


if __name__ == "__main__":
    main()
