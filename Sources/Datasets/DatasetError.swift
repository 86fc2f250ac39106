/// A wrong data set, source file or SPEC of a corruption, in one line.
public enum DatasetError: Error, Equatable, CustomStringConvertible {
  /// Content that differs from the expected content; `item` is a dataset, a header field or an
  /// option.
  case mismatch(file: String, item: String, found: String, expected: String)
  /// The operating system refused to open, read or write a file; `reason` is its message and
  /// `errorNumber` its error number, or 0.
  case file(file: String, reason: String, errorNumber: Int32 = 0)
  /// A damaged or truncated compressed file.
  case damaged(file: String, problem: String)
  /// The output exists, and overwriting was not requested.
  case exists(file: String)
  /// An output that is a file which the command reads; `input` is its name as an input.
  case isInput(file: String, input: String)
  /// A SPEC with an unknown corruption or a wrong level.
  case specification(found: String, expected: String)
  /// A missing option or operand, or a wrong value.
  case option(String, found: String, expected: String)
  /// A signal stopped the work before the file was complete.
  case stopped(file: String)

  /// One line with the file, the dataset or key, what was found and what was expected.
  public var description: String {
    switch self {
    case .mismatch(let file, let item, let found, let expected):
      "\(file): \(item): found \(found), expected \(expected)"
    case .file(let file, let reason, _): "\(file): \(reason)"
    case .damaged(let file, let problem): "\(file): \(problem)"
    case .exists(let file): "\(file): exists already; --force replaces it"
    case .isInput(let file, let input):
      "\(file): found the command's own input\(file == input ? "" : " \(input)"), expected another "
        + "name for the output"
    case .specification(let found, let expected):
      "noise \"\(found)\": expected \(expected)"
    case .option(let option, let found, let expected):
      "\(option): found \(found), expected \(expected)"
    case .stopped(let file): "\(file): not written: stopped by a signal"
    }
  }
}
