import Foundation
import TestSupport
import Testing

@testable import Datasets

@Suite struct SyntheticDigitsTests {
  @Test func digitsDependOnSeedSplitAndIndexAlone() {
    let digits = SyntheticDigits.images(count: 40, seed: 1)
    let fewer = SyntheticDigits.images(count: 9, seed: 1)
    #expect(fewer.values(0..<9) == digits.values(0..<9))
    #expect(fewer.labels == digits.labels.map { Array($0[..<9]) })
    let other = SyntheticDigits.images(count: 40, seed: 2)
    #expect(other.values(0..<40) != digits.values(0..<40))
    let test = SyntheticDigits.images(count: 40, seed: 1, split: .test)
    #expect(test.values(0..<40) != digits.values(0..<40))
  }

  @Test("Every class comes up, and every image is a stroke on black with a free margin")
  func statistics() throws {
    let count = 3000
    let digits = SyntheticDigits.images(count: count, seed: 595)
    let labels = try #require(digits.labels)
    for label in 0..<10 { #expect(labels.filter { $0 == Int32(label) }.count > count / 20) }
    let values = digits.values(0..<count)
    for row in 0..<count {
      let image = values[row * 784..<(row + 1) * 784]
      let ink = image.reduce(0, +)
      #expect((15...260).contains(ink), "row \(row): label \(labels[row]), ink \(ink)")
      #expect(image.max() ?? 0 > 0.9)
      #expect(image.prefix(28).allSatisfy { $0 == 0 } && image.suffix(28).allSatisfy { $0 == 0 })
    }
    // MNIST has the mean 0.1307.
    let mean = values.reduce(0, +) / Float(values.count)
    #expect((0.1...0.15).contains(mean))
  }

  @Test("Nearest class means tell unseen digits apart: they are learnable, and not all alike")
  func separability() throws {
    let train = SyntheticDigits.images(count: 4000, seed: 3)
    let test = SyntheticDigits.images(count: 500, seed: 3, split: .test)
    let (labels, truth) = try (#require(train.labels), #require(test.labels))
    var means = [[Float]](repeating: [Float](repeating: 0, count: 784), count: 10)
    var counts = [Float](repeating: 0, count: 10)
    let values = train.values(0..<4000)
    for row in 0..<4000 {
      counts[Int(labels[row])] += 1
      for j in 0..<784 { means[Int(labels[row])][j] += values[row * 784 + j] }
    }
    for label in 0..<10 { for j in 0..<784 { means[label][j] /= counts[label] } }
    var right = 0
    for row in 0..<500 {
      let image = test.values(row..<row + 1)
      let distances = means.map { mean in
        zip(mean, image).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
      }
      if distances.indices.min(by: { distances[$0] < distances[$1] }) == Int(truth[row]) {
        right += 1
      }
    }
    #expect((300..<500).contains(right), "\(right) of 500")
  }

  @Test func writtenDigitsAreTheSame() throws {
    try withTemporaryFolder { folder in
      let path = folder.appending(path: "digits.h5").path
      try SyntheticDigits.write(count: 30, test: 7, seed: 4, to: path)
      let train = try ImageSet.open(path)
      let test = try ImageSet.open(path, split: "test")
      let drawn = SyntheticDigits.images(count: 7, seed: 4, split: .test)
      #expect(train.count == 30 && test.count == 7 && train.shape == SyntheticDigits.shape)
      #expect(test.values(0..<7) == drawn.values(0..<7) && test.labels == drawn.labels)
      #expect(train.isMapped && train.split == .train && test.split == .test)
    }
  }
}
