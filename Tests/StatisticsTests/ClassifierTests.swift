import Tensors
import TestSupport
import Testing

@testable import Statistics

@Suite("Classifiers of codes") struct ClassifierTests {
  private func labels(_ golden: Golden, _ path: String) throws -> [Int32] {
    try golden.values("classifiers/\(path)").map { Int32($0) }
  }

  @Test(
    arguments: [("auto", .radial(.auto)), ("scale", .radial(.scale)), ("linear", .linear)]
      as [(String, SupportVectorMachine.Kernel)])
  func machinesAreThoseOfScikitLearn(name: String, kernel: SupportVectorMachine.Kernel) throws {
    let golden = try Golden("measures.h5")
    let features = try golden.tensor("classifiers/features")
    let tests = try golden.tensor("classifiers/tests")
    let labels = try labels(golden, "labels")
    let machine = try SupportVectorMachine(features, labels: labels, kernel: kernel)
    #expect(machine.classes == [-3, 4, 7] && machine.dimensions == 4)
    let expected = try self.labels(golden, "svm/\(name)")
    #expect(try machine.predict(tests) == expected)
    #expect(Double(machine.supportVectors) == (try golden.number(name, of: "classifiers/svm")))
    #expect(try blocks(tests, of: 9).flatMap { try machine.predict($0) } == expected)
    // Training again, with the same rows, is the same to the last row.
    let again = try SupportVectorMachine(
      features, labels: labels, kernel: kernel, cacheMegabytes: 1)
    #expect(try again.predict(tests) == expected)
  }

  @Test(
    arguments: [("squared_hinge", .squaredHinge), ("logistic", .logistic)]
      as [(String, LinearClassifier.Loss)])
  func linearClassifiersAreThoseOfScikitLearn(
    name: String, loss: LinearClassifier.Loss
  ) throws {
    let golden = try Golden("measures.h5")
    let features = try golden.tensor("classifiers/features")
    let tests = try golden.tensor("classifiers/tests")
    let labels = try labels(golden, "labels")
    let group = "classifiers/linear/\(name)"
    for (tolerance, closeness) in [(1e-10, 1e-7), (1e-4, 1e-2)] {
      let found = try LinearClassifier(
        features, labels: labels, loss: loss, tolerance: tolerance)
      let weights = (0..<3).map { found.weights(ofClass: $0) }
      expectClose(
        weights.flatMap(\.weights), try golden.values("\(group)/weights"), closeness)
      expectClose(weights.map(\.bias), try golden.values("\(group)/bias"), closeness)
    }
    let found = try LinearClassifier(features, labels: labels, loss: loss, tolerance: 1e-10)
    let expected = try self.labels(golden, "linear/\(name)/predicted")
    #expect(try found.predict(tests) == expected)
    #expect(try blocks(tests, of: 9).flatMap { try found.predict($0) } == expected)
  }

  @Test func twoClassesShareTheirWeights() throws {
    let golden = try Golden("measures.h5")
    let features = try golden.tensor("classifiers/features")
    let labels = try labels(golden, "labels")
    let two = labels.indices.filter { labels[$0] < 7 }
    let found = try LinearClassifier(
      features.gathered(two), labels: two.map { labels[$0] }, loss: .squaredHinge, tolerance: 1e-10)
    let (weights, bias) = found.weights(ofClass: 1)
    expectClose(weights, try golden.values("classifiers/linear/two/weights"), 1e-7)
    expectClose([bias], try golden.values("classifiers/linear/two/bias"), 1e-7)
    #expect(found.weights(ofClass: 0).bias == -bias)
  }

  /// Three groups whose means are 6 deviations apart.
  private func separable(_ rows: Int, seed: Int) -> (features: Tensor, labels: [Int32]) {
    let features = normals(rows, 5, seed: seed, scale: 0.7)
    let labels = (0..<rows).map { Int32($0 % 3) }
    for row in 0..<rows { features.pointer[row * 5 + row % 3] += 6 }
    return (features, labels)
  }

  @Test("X43: separable codes give 1, shuffled labels nearly the majority rate")
  func separableAndShuffled() throws {
    let (features, labels) = separable(300, seed: 1)
    let (tests, truth) = separable(120, seed: 2)
    let classifiers: [([Int32]) throws -> [Int32]] = [
      { try SupportVectorMachine(features, labels: $0).predict(tests) },
      { try SupportVectorMachine(features, labels: $0, kernel: .linear).predict(tests) },
      { try LinearClassifier(features, labels: $0, loss: .squaredHinge).predict(tests) },
      { try LinearClassifier(features, labels: $0, loss: .logistic).predict(tests) },
    ]
    // Two of three rows have class 1, whatever their features.
    let shuffled = (0..<300).map {
      Int32(RandomSubset.draw(1, of: 3, seed: 3, index: $0)[0] > 0 ? 1 : 0)
    }
    let chance = (0..<120).map {
      Int32(RandomSubset.draw(1, of: 3, seed: 4, index: $0)[0] > 0 ? 1 : 0)
    }
    let majority = try Accuracy.majorityRate(training: shuffled, test: chance)
    #expect(abs(majority - 2.0 / 3) < 0.15)
    for classifier in classifiers {
      #expect(try Accuracy.right(classifier(labels), truth) == 120)
      let share = Double(try Accuracy.right(classifier(shuffled), chance)) / 120
      #expect(abs(share - majority) < 0.1, "\(share) near \(majority)")
    }
  }

  @Test func theOrderOfRowsDoesNotMatter() throws {
    let (features, labels) = separable(300, seed: 5)
    let tests = normals(200, 5, seed: 6, scale: 3)
    let mixed = (0..<300).map { $0 * 7 % 300 }
    let machine = try SupportVectorMachine(features, labels: labels)
    let other = try SupportVectorMachine(
      features.gathered(mixed), labels: mixed.map { labels[$0] })
    let same = try Accuracy.right(machine.predict(tests), other.predict(tests))
    #expect(same >= 198, "\(same) of 200")  // the stop rule leaves an edge of 1e-3
  }

  @Test func manyClasses() throws {
    // 60 classes of two rows: 1,770 machines.
    let features = Tensor(Shape(120, 60))
    for row in 0..<120 { features.pointer[row * 60 + row / 2] = row % 2 == 0 ? 3 : 4 }
    let labels = (0..<120).map { Int32(59 - $0 / 2) }
    let machine = try SupportVectorMachine(features, labels: labels)
    #expect(try machine.predict(features) == labels)
  }

  @Test func constantFeaturesHaveAScale() throws {
    let features = matrix(4, 2, [Float](repeating: 5, count: 8))
    let machine = try SupportVectorMachine(
      features, labels: [0, 0, 0, 1], kernel: .radial(.scale))
    #expect(machine.gamma == 0.5)
    #expect(try machine.predict(features) == [0, 0, 0, 0])
    let zeros = Tensor(Shape(2, 3))
    #expect(try SupportVectorMachine(zeros, labels: [1, 2]).predict(zeros).count == 2)
    #expect(try LinearClassifier(zeros, labels: [1, 2], loss: .logistic).predict(zeros).count == 2)
  }

  @Test func errorsSayWhatIsWrong() throws {
    let features = matrix(3, 1, [0, 1, 2])
    func expect(_ error: StatisticsError, _ x: Tensor, _ labels: [Int32]) {
      #expect(throws: error) { try SupportVectorMachine(x, labels: labels) }
      #expect(throws: error) { try LinearClassifier(x, labels: labels, loss: .logistic) }
    }
    expect(.oneClass(label: 4), features, [4, 4, 4])
    expect(.labels(found: 0, rows: 3), features, [])
    expect(.labels(found: 2, rows: 3), features, [0, 1])
    expect(.labels(found: 0, rows: 0), Tensor(Shape(0, 2)), [])
    expect(.notFinite(quantity: "features", row: 1), matrix(2, 1, [0, .nan]), [0, 1])
    expect(.dimensions(quantity: "features", found: 0, expected: 1), Tensor(Shape(2, 0)), [0, 1])
    #expect(throws: StatisticsError.refused(library: "libsvm", reason: "C <= 0")) {
      try SupportVectorMachine(features, labels: [0, 1, 1], c: 0)
    }
    #expect(throws: StatisticsError.refused(library: "liblinear", reason: "C <= 0")) {
      try LinearClassifier(features, labels: [0, 1, 1], loss: .logistic, c: -1)
    }
    let machine = try SupportVectorMachine(features, labels: [0, 1, 1])
    let linear = try LinearClassifier(features, labels: [0, 1, 1], loss: .squaredHinge)
    for predict in [machine.predict, linear.predict] as [(Tensor) throws -> [Int32]] {
      #expect(throws: StatisticsError.dimensions(quantity: "features", found: 2, expected: 1)) {
        _ = try predict(matrix(1, 2, [0, 0]))
      }
      #expect(throws: StatisticsError.notFinite(quantity: "features", row: 0)) {
        _ = try predict(matrix(1, 1, [.infinity]))
      }
    }
  }

  @Test func accuracyAndMajority() throws {
    #expect(try Accuracy.right([1, 2, 3], [1, 2, 4]) == 2)
    #expect(try Accuracy.majorityRate(training: [5, 5, 1], test: [5, 1, 1, 1]) == 0.25)
    #expect(try Accuracy.majorityRate(training: [5, 1], test: [5, 1, 1, 1]) == 0.75)
    #expect(throws: StatisticsError.labels(found: 0, rows: 1)) {
      try Accuracy.majorityRate(training: [], test: [1])
    }
    #expect(throws: StatisticsError.labels(found: 1, rows: 2)) { try Accuracy.right([1, 2], [1]) }
  }

  @Test func errorsAreOneLine() {
    let lines: [(StatisticsError, String)] = [
      (
        .notFinite(quantity: "codes", row: 7),
        "codes: found NaN or infinity in row 7, expected finite numbers"
      ),
      (
        .rows(quantity: "samples", found: 1, needed: 2),
        "samples: found 1 row, expected at least 2"
      ),
      (
        .dimensions(quantity: "features", found: 64, expected: 2048),
        "features: found rows of 64 numbers, expected 2048"
      ),
      (.labels(found: 0, rows: 1000), "labels: found none, expected one for each of 1,000 rows"),
      (.labels(found: 9, rows: 1000), "labels: found 9, expected one for each of 1,000 rows"),
      (.oneClass(label: -1), "labels: found class -1 only, expected at least two classes"),
    ]
    for (error, line) in lines {
      #expect("\(error)" == line)
      #expect(error.exitStatus == 65)
    }
  }
}
