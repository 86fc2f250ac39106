#!/usr/bin/env python3
"""Measures of samples, codes and images by NumPy, SciPy, scikit-learn and scikit-image: measures.h5.

    python3 Tests/Golden/measures.py     # torch for fixture.py, and the four packages above
"""
import warnings

import numpy
from scipy import linalg, ndimage, stats
from scipy.spatial.distance import cdist
from skimage.metrics import structural_similarity
from sklearn import metrics
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KernelDensity, NearestNeighbors
from sklearn.svm import SVC, LinearSVC

from fixture import Fixture

MASK = 2**64 - 1


class SplitMix64:
    """Support's generator, written again from its published definition."""

    def __init__(self, seed):
        self.state = seed * 0x9E3779B97F4A7C15 & MASK

    def next(self):
        self.state = self.state + 0x9E3779B97F4A7C15 & MASK
        word = self.state
        word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9 & MASK
        word = (word ^ word >> 27) * 0x94D049BB133111EB & MASK
        return word ^ word >> 31


def subset(count, rows, seed, index):
    """The rows that RandomSubset.draw chooses."""
    second = SplitMix64(SplitMix64(seed).next() + index & MASK)
    generator = SplitMix64(second.next())
    order = list(range(rows))
    for place in range(count):
        other = place + generator.next() % (rows - place)
        order[place], order[other] = order[other], order[place]
    return order[:count]


def floats(values):
    """The nearest floats, as doubles."""
    return numpy.asarray(values, "f4").astype("f8")


def frechet(x, y):
    """The textbook form, with SciPy's root of a matrix."""
    a, b = numpy.cov(x, rowvar=False), numpy.cov(y, rowvar=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it may warn of singular matrices
        root = linalg.sqrtm(a @ b)
    shift = x.mean(0) - y.mean(0)
    return shift @ shift + numpy.trace(a) + numpy.trace(b) - 2 * numpy.trace(root).real


def write_frechet(fixture, rng):
    mix = rng.normal(size=(7, 7))
    x, y = floats(rng.normal(size=(60, 7)) @ mix), floats(rng.normal(size=(50, 7)) + 0.7)
    fixture.write("moments/features", x)
    fixture.write("moments/mean", x.mean(0))
    fixture.write("moments/covariance", numpy.cov(x, rowvar=False))
    fixture.write("frechet/full/x", x)
    fixture.write("frechet/full/y", y)
    fixture.write("frechet/full/distance", [frechet(x, y)])
    x, y = floats(rng.normal(size=(6, 10))), floats(rng.normal(size=(8, 10)) * 2)
    fixture.write("frechet/wide/x", x)
    fixture.write("frechet/wide/y", y)
    # Of matrices without full rank, SciPy's root has few digits; the nuclear norm has all.
    a, b = ((v - v.mean(0)) / (len(v) - 1) ** 0.5 for v in (x, y))
    shift = x.mean(0) - y.mean(0)
    trace = (a**2).sum() + (b**2).sum() - 2 * linalg.svdvals(a @ b.T).sum()
    fixture.write("frechet/wide/distance", [shift @ shift + trace])

    x, y = floats(rng.normal(size=(200, 5)) * 1.3), floats(rng.normal(size=(90, 5)))
    sizes = [20 + 180 * i // 14 for i in range(15)]
    distances = [frechet(x[subset(n, 200, 11, n)], y) for n in sizes]
    line = stats.linregress(1 / numpy.array(sizes), distances)
    fixture.write("extrapolation/features", x)
    fixture.write("extrapolation/reference", y)
    fixture.write("extrapolation/sizes", sizes)
    fixture.write("extrapolation/distances", distances)
    fixture.write("extrapolation/line", [line.intercept, line.intercept_stderr, line.slope])
    fixture.attributes("extrapolation", seed=11)


def discrepancy(x, y):
    kernel = lambda a, b: (a @ b.T / a.shape[1] + 1) ** 3
    n = len(x)
    others = ~numpy.eye(n, dtype=bool)
    same = (kernel(x, x)[others].sum() + kernel(y, y)[others].sum()) / (n * (n - 1))
    return same - 2 * kernel(x, y).mean()


def write_sets(fixture, rng):
    made, real = floats(rng.normal(size=(30, 6))), floats(rng.normal(size=(40, 6)) * 1.2 + 0.3)
    fixture.write("kernel/made", made)
    fixture.write("kernel/real", real)
    fixture.write("kernel/discrepancies", [
        discrepancy(made[subset(12, 30, 5, 2 * i)], real[subset(12, 40, 5, 2 * i + 1)])
        for i in range(6)])
    fixture.attributes("kernel", seed=5, size=12)

    made, real = floats(rng.normal(size=(50, 4)) * 0.8 + 0.5), floats(rng.normal(size=(60, 4)))
    fixture.write("manifolds/made", made)
    fixture.write("manifolds/real", real)
    radii = [numpy.sort(cdist(v, v), 1)[:, 3] for v in (real, made)]  # column 0 is the row itself
    fixture.write("manifolds/radii", radii[0])
    fixture.write("manifolds/inside", (cdist(made, real) <= radii[0]).any(1))
    fixture.write("manifolds/shares", [
        (cdist(made, real) <= radii[0]).any(1).mean(), (cdist(real, made) <= radii[1]).any(1).mean()])


def write_parzen(fixture, rng):
    samples, rows = floats(rng.uniform(size=(40, 9))), floats(rng.uniform(size=(15, 9)))
    widths = numpy.logspace(-1, 0, 10)
    values = [KernelDensity(bandwidth=h, atol=0, rtol=0).fit(samples).score_samples(rows)
              for h in widths]
    fixture.write("parzen/samples", samples)
    fixture.write("parzen/rows", rows)
    fixture.write("parzen/widths", widths)
    fixture.write("parzen/log_likelihoods", values)


def write_neighbours(fixture, rng):
    reference, queries = floats(rng.normal(size=(80, 6))), floats(rng.normal(size=(20, 6)))
    labels = rng.integers(0, 4, 80)
    fixture.write("neighbours/reference", reference)
    fixture.write("neighbours/queries", queries)
    fixture.write("neighbours/labels", labels)
    model = NearestNeighbors(n_neighbors=5, algorithm="brute").fit(reference)
    distances, rows = model.kneighbors(queries)
    fixture.write("neighbours/rows", rows)
    fixture.write("neighbours/distances", distances)
    distances, rows = model.kneighbors()  # without the row itself
    fixture.write("neighbours/self_rows", rows)
    fixture.write("neighbours/self_distances", distances)
    predicted = []
    for found in model.kneighbors(queries)[1]:
        votes = numpy.bincount(labels[found], minlength=4)
        predicted.append(next(labels[i] for i in found if votes[labels[i]] == votes.max()))
    fixture.write("neighbours/predicted", predicted)


def write_outliers(fixture, rng):
    truth = rng.uniform(size=60) < 0.3
    scores = floats(numpy.round(rng.normal(size=60) + 1.2 * truth, 1))  # rounded: with ties
    threshold = 0.9
    fixture.write("outliers/scores", scores)
    fixture.write("outliers/truth", truth)
    called = scores >= numpy.float32(threshold)
    for name, label in [("inliers", False), ("outliers", True)]:
        fixture.write(f"outliers/{name}", metrics.precision_recall_fscore_support(
            truth, called, pos_label=label, average="binary")[:3])
    fixture.write("outliers/auc", [metrics.roc_auc_score(truth, scores)])
    fixture.write("outliers/average_precision", [metrics.average_precision_score(truth, scores)])
    fixture.attributes("outliers", threshold=threshold)


def write_classifiers(fixture, rng):
    centres = rng.normal(size=(3, 4)) * 1.1
    labels = rng.integers(0, 3, 120)
    features = floats(centres[labels] + rng.normal(size=(120, 4)))
    features[rng.uniform(size=(120, 4)) < 0.1] = 0  # libsvm leaves out zeros
    tests = floats(rng.normal(size=(100, 4)) * 1.5)
    names = numpy.array([-3, 4, 7])  # labels are any integers
    fixture.write("classifiers/features", features)
    fixture.write("classifiers/labels", names[labels])
    fixture.write("classifiers/tests", tests)
    for name, options in [
        ("auto", dict(gamma="auto")), ("scale", dict(gamma="scale")), ("linear", dict(kernel="linear")),
    ]:
        model = SVC(C=1, tol=1e-3, **options).fit(features, names[labels])
        fixture.write(f"classifiers/svm/{name}", model.predict(tests))
        fixture.attributes("classifiers/svm", **{name: len(model.support_)})
    svc = LinearSVC(C=1, dual=False, tol=1e-10, max_iter=100000)
    probe = LogisticRegression(C=1, solver="liblinear", tol=1e-10, max_iter=100000)
    for name, model in [("squared_hinge", svc), ("logistic", OneVsRestClassifier(probe))]:
        model = model.fit(features, names[labels])
        parts = getattr(model, "estimators_", [model])
        group = f"classifiers/linear/{name}"
        fixture.write(f"{group}/weights", numpy.concatenate([p.coef_ for p in parts]))
        fixture.write(f"{group}/bias", numpy.concatenate([p.intercept_ for p in parts]))
        fixture.write(f"{group}/predicted", model.predict(tests))
    two = labels < 2
    model = svc.fit(features[two], names[labels[two]])
    fixture.write("classifiers/linear/two/weights", model.coef_[0])
    fixture.write("classifiers/linear/two/bias", model.intercept_)


def similarity(x, y):
    """SSIM of images with a side below 11: scikit-image's formula with a smaller window."""
    radius = (min(11, *x.shape[:2]) - 1) // 2
    mean = lambda v: ndimage.gaussian_filter(v, 1.5, axes=(0, 1), radius=radius)
    mx, my = mean(x), mean(y)
    vx, vy, vxy = mean(x * x) - mx * mx, mean(y * y) - my * my, mean(x * y) - mx * my
    c1, c2 = 0.01**2, 0.03**2
    index = (2 * mx * my + c1) * (2 * vxy + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    return index[radius:x.shape[0] - radius, radius:x.shape[1] - radius].mean()


def write_similarity(fixture, rng):
    for name, shape in [("grey", (3, 28, 28, 1)), ("colour", (2, 14, 17, 3)), ("small", (2, 8, 10, 2))]:
        clean = ndimage.gaussian_filter(rng.uniform(size=shape), (0, 1.5, 1.5, 0))
        clean = floats((clean - clean.min()) / (clean.max() - clean.min()))
        images = floats(numpy.clip(clean + rng.normal(size=shape) * 0.1, 0, 1))
        images[0] = clean[0] * 0.5
        images = floats(images)
        indices = [
            similarity(x, y) if name == "small" else structural_similarity(
                x, y, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1,
                channel_axis=-1)
            for x, y in zip(images, clean)]
        fixture.write(f"similarity/{name}/images", images)
        fixture.write(f"similarity/{name}/clean", clean)
        fixture.write(f"similarity/{name}/indices", indices)


def write_codes(fixture, rng):
    codes = floats(rng.normal(size=(100, 5)) @ (numpy.eye(5) + 0.1 * rng.normal(size=(5, 5))))
    covariance = numpy.cov(codes, rowvar=False)
    apart = covariance - numpy.diag(numpy.diag(covariance))
    fixture.write("codes/codes", codes)
    fixture.write("codes/numbers", [
        abs(codes.mean(0)).max(), numpy.diag(covariance).min(), numpy.diag(covariance).max(),
        linalg.norm(covariance - numpy.eye(5)) / 5**0.5, abs(apart).max()])
    others = floats(codes + rng.normal(size=codes.shape))
    fixture.write("codes/others", others)
    fixture.write("codes/cosines", [
        1 - cdist(x[None], y[None], "cosine")[0, 0] for x, y in zip(codes, others)])
    values = rng.normal(size=37) + 200
    fixture.write("sample/values", values)
    fixture.write("sample/moments", [values.mean(), values.std(ddof=1), stats.sem(values)])


def write_measures():
    rng = numpy.random.default_rng(8)
    with Fixture("measures.h5") as fixture:
        write_frechet(fixture, rng)
        write_sets(fixture, rng)
        write_parzen(fixture, rng)
        write_neighbours(fixture, rng)
        write_outliers(fixture, rng)
        write_classifiers(fixture, rng)
        write_similarity(fixture, rng)
        write_codes(fixture, rng)


if __name__ == "__main__":
    write_measures()
