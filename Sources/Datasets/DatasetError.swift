/// What is wrong with a data set, a source file or a corruption's SPEC, in one line.
public enum DatasetError: Error, Equatable, CustomStringConvertible {
  /// The content differs from what it must be; `item` is a dataset, a header field or an option.
  case mismatch(file: String, item: String, found: String, expected: String)
  /// The operating system refused to open, read or write a file; `reason` is its own message.
  case file(file: String, reason: String)
  /// A damaged or truncated compressed file.
  case damaged(file: String, problem: String)
  /// A file is in the way, and overwriting was not asked for.
  case exists(file: String)
  /// A SPEC that names no corruption, or gives it a wrong level.
  case specification(found: String, expected: String)
  /// An option or operand that is missing or has a wrong value.
  case option(String, found: String, expected: String)
  /// A signal asked to stop before the file was whole.
  case stopped(file: String)

  /// One line: the file; the dataset or key; what was found; what was expected.
  public var description: String {
    switch self {
    case .mismatch(let file, let item, let found, let expected):
      "\(file): \(item): found \(found), expected \(expected)"
    case .file(let file, let reason): "\(file): \(reason)"
    case .damaged(let file, let problem): "\(file): \(problem)"
    case .exists(let file): "\(file): exists already; --force replaces it"
    case .specification(let found, let expected):
      "noise \"\(found)\": expected \(expected)"
    case .option(let option, let found, let expected):
      "\(option): found \(found), expected \(expected)"
    case .stopped(let file): "\(file): not written: stopped by a signal"
    }
  }
}
