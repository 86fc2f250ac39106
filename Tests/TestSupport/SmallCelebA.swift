import Foundation
import Images

/// A small set in the form of CelebA: pictures of 30 columns and 36 rows, lists, and a zip archive.
///
/// The last two images are for validation and test; all images before are for training.
public struct SmallCelebA {
  /// Rows and columns of a picture.
  public static let (height, width) = (36, 30)

  /// The names of the attributes.
  public static let attributeNames = ["Bald", "Smiling", "Wearing_Hat"]

  /// The folder of its files.
  public let folder: URL
  /// The names of the images.
  public let names: [String]
  /// The files of the archive; a test may change them before `write`.
  public var entries: [(name: String, data: Data)]
  /// The lines of the list of splits; a test may change them before `write`.
  public var partition: [String]
  /// The lines of the list of attributes; a test may change them before `write`.
  public var attributes: [String]

  /// A set of `count` images; nothing is written yet.
  public init(in folder: URL, count: Int = 8) throws {
    self.folder = folder
    names = (1...count).map { String(format: "%06d.jpg", $0) }
    entries = try names.enumerated().map { index, name in
      ("img_align_celeba/\(name)", try PictureFiles.jpeg(Self.picture(index)))
    }
    partition = names.enumerated().map { index, name in
      "\(name) \(max(0, index - count + 3))"
    }
    attributes =
      ["\(count)", Self.attributeNames.joined(separator: " ") + " "]
      + names.enumerated().map { index, name in
        name + Self.attributes(index).map { $0 > 0 ? "  1" : " -1" }.joined()
      }
  }

  /// The picture of image `index`.
  public static func picture(_ index: Int) -> Picture {
    PictureFiles.pattern(index, height: height, width: width)
  }

  /// The attributes of image `index`.
  public static func attributes(_ index: Int) -> [Int8] {
    attributeNames.indices.map { (index >> $0) & 1 == 1 ? 1 : -1 }
  }

  /// Writes `celeba.zip`, `partition.txt` and `attributes.txt`.
  public func write(deflated: Bool = false) throws {
    try PictureFiles.zip(entries, to: zip, deflated: deflated)
    for (lines, file) in [(partition, partitionFile), (attributes, attributesFile)] {
      try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: URL(filePath: file))
    }
  }

  /// The archive.
  public var zip: String { folder.appending(path: "celeba.zip").path }
  /// The list of splits.
  public var partitionFile: String { folder.appending(path: "partition.txt").path }
  /// The list of attributes.
  public var attributesFile: String { folder.appending(path: "attributes.txt").path }
}
