import Foundation

/// Sprites in their original files: `sprites_<k>.mat` and `sprites_splits.mat`.
///
/// `sprites_<k>.mat` is a cell of animations, each [10800, frames] in [0, 1]; a frame has 60 x 60 x
/// 3 values in MATLAB's order. `sprites_splits.mat` is the official split, which counts characters
/// from 1.
struct SpriteFiles: SpriteSource {
  let frames = originalFrames
  let split: [Split: [Int]]
  private let folder: URL

  /// Reads the split.
  ///
  /// - Throws: `DatasetError` if there is no split file, or it is wrong.
  init(_ path: String, splitFile: String?) throws {
    folder = URL(filePath: path)
    let name = "sprites_splits.mat"
    let usual = [
      folder.appending(path: name), folder.appending(path: "../\(name)").standardizedFileURL,
    ]
    guard
      let file = splitFile
        ?? usual.map(\.relativePath).first(where: FileManager.default.fileExists(atPath:))
    else {
      throw DatasetError.mismatch(
        file: path, item: name, found: "no such file",
        expected: "the official split, or --split-file")
    }
    let list = try MATFile(file)
    var split: [Split: [Int]] = [:]
    for (part, name) in [(Split.train, "trainidx"), (.validation, "validx"), (.test, "testidx")] {
      split[part] = try list.array(name).values.map { number throws(DatasetError) in
        guard let character = Int(exactly: number), character > 0 else {
          throw .mismatch(
            file: file, item: "variable \(name)", found: "\(number)",
            expected: "whole numbers from 1 on")
        }
        return character - 1
      }
    }
    self.split = split
  }

  private func file(of character: Int) -> String {
    folder.appending(path: "sprites_\(character).mat").relativePath
  }

  func has(_ character: Int) -> Bool { FileManager.default.fileExists(atPath: file(of: character)) }

  /// The animations of a character one after another.
  func pixels(of character: Int) throws -> [UInt8] {
    let path = file(of: character)
    let animations = try MATFile(path).cells("sprites")
    let shape = SpritesImporter.shape
    let found = animations.reduce(0) { $0 + ($1.dimensions.last ?? 0) }
    guard found == frames,
      animations.allSatisfy({ $0.dimensions.count == 2 && $0.dimensions[0] == shape.count })
    else {
      let sizes = animations.map { $0.dimensions.map(String.init).joined(separator: " x ") }
      throw DatasetError.mismatch(
        file: path, item: "variable sprites", found: sizes.joined(separator: ", "),
        expected: "\(frames) columns of \(shape.count) values")
    }
    var pixels: [UInt8] = []
    pixels.reserveCapacity(frames * shape.count)
    for animation in animations {
      for first in stride(from: 0, to: animation.values.count, by: shape.count) {
        for y in 0..<shape.height {
          for x in 0..<shape.width {
            for channel in 0..<shape.channels {
              let value = animation.values[
                first + y + shape.height * (x + shape.width * channel)]
              guard (0...1).contains(value) else {
                throw DatasetError.mismatch(
                  file: path, item: "variable sprites", found: "\(value)",
                  expected: "values from 0 to 1")
              }
              pixels.append(UInt8((255 * value).rounded()))
            }
          }
        }
      }
    }
    return pixels
  }
}
