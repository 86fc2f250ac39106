/// The official split of CelebA, `list_eval_partition.txt`, or Kaggle's `list_eval_partition.csv`.
///
/// Every image has a line `000001.jpg 0`; 0 means training, 1 validation, 2 test. Kaggle's list has
/// commas, and a first line with the names of the columns.
struct CelebAPartition {
  /// The file.
  let path: String
  /// The images, in the order of the file; each name occurs once.
  let names: [String]
  /// The split of each image.
  let splits: [Split]

  /// Reads the list.
  ///
  /// - Throws: `DatasetError` with the wrong line or the repeated name.
  init(_ path: String) throws(DatasetError) {
    let table = try TextTable(path)
    var (names, splits): ([String], [Split]) = ([], [])
    try table.forEachLine { (line) throws(DatasetError) in
      if line.isHeading && names.isEmpty && line.words.count == 2 { return }
      guard line.words.count == 2, line.words[1].count == 1, let digit = line.words[1].first,
        (UInt8(ascii: "0")...UInt8(ascii: "2")).contains(digit)
      else { throw table.mismatch(line, expected: "a file name, and 0, 1 or 2 for its split") }
      names.append(line.name)
      splits.append(Split.allCases[Int(digit - UInt8(ascii: "0"))])
    }
    guard !names.isEmpty else {
      throw .mismatch(
        file: path, item: "lines", found: "none", expected: "a file name and its split in each")
    }
    let sorted = names.sorted()
    if let twice = zip(sorted, sorted.dropFirst()).first(where: { $0 == $1 })?.0 {
      throw .mismatch(file: path, item: twice, found: "two lines", expected: "one")
    }
    self.path = path
    self.names = names
    self.splits = splits
  }
}

/// The attributes of CelebA, `list_attr_celeba.txt`, or Kaggle's `list_attr_celeba.csv`.
///
/// The first line is the number of images. The second line has the names of the attributes. Then
/// every image has a line with its file name and a 1 or -1 for each attribute. Kaggle's list has
/// commas, and one first line with the names of all columns.
struct CelebAAttributes {
  /// The meaning of each column.
  let names: [String]
  /// `[images, names.count]`, row-major, -1 or 1; images in the order of the partition.
  let values: [Int8]

  /// Reads the list; it must have the images of `partition`, in the same order.
  ///
  /// - Throws: `DatasetError` with the line or the number that differs.
  init(_ path: String, for partition: CelebAPartition) throws(DatasetError) {
    let table = try TextTable(path)
    var (announced, row): (Int?, Int) = (nil, 0)
    var isTable = false  // of Kaggle
    var (names, values): ([String], [Int8]) = ([], [])
    try table.forEachLine { (line) throws(DatasetError) in
      guard announced != nil || isTable else {
        if line.isHeading, line.words.count > 1 {
          isTable = true
          names = line.words.dropFirst().map { String(decoding: $0, as: UTF8.self) }
          return
        }
        announced = Int(line.name)
        guard line.words.count == 1, let count = announced, count > 0 else {
          throw table.mismatch(line, expected: "the number of images alone")
        }
        return
      }
      guard !names.isEmpty else {
        names = line.words.map { String(decoding: $0, as: UTF8.self) }
        values.reserveCapacity(min(announced ?? 0, partition.names.count) * names.count)
        return
      }
      try Self.append(line, of: table, columns: names.count, to: &values)
      if row < partition.names.count, line.name != partition.names[row] {
        throw table.mismatch(
          line, expected: "\(partition.names[row]), the next image of \(partition.path)")
      }
      row += 1
    }
    guard isTable || row == announced else {
      throw .mismatch(
        file: path, item: "lines of images", found: "\(row)",
        expected: "\(announced ?? 1) by its first line")
    }
    guard row == partition.names.count else {
      throw .mismatch(
        file: path, item: "lines of images", found: "\(row)",
        expected: "\(partition.names.count), one for each image of \(partition.path)")
    }
    self.names = names
    self.values = values
  }

  /// Appends the values of one image.
  private static func append(
    _ line: TextTable.Line, of table: TextTable, columns: Int, to values: inout [Int8]
  ) throws(DatasetError) {
    guard line.words.count == columns + 1 else {
      throw table.mismatch(
        line, expected: "a file name and \(columns) values, one for each name in the second line")
    }
    for word in line.words.dropFirst() {
      if word.elementsEqual("1".utf8) {
        values.append(1)
      } else if word.elementsEqual("-1".utf8) {
        values.append(-1)
      } else {
        throw table.mismatch(line, expected: "values of 1 or -1")
      }
    }
  }
}
