import Foundation

/// A format that `cleave import` reads.
///
/// A new one takes one file, with a type that conforms to this, and its line in ``ImporterCatalogue``.
public protocol Importer: Sendable {
  /// The word on the command line.
  static var format: String { get }
  /// What a SOURCE is and what becomes of it, for the help text: lines of at most 100 columns.
  static var help: String { get }
  /// The options it takes besides those of every format.
  static var options: [ImportOption] { get }

  /// Takes the options apart and looks at the sources, before anything is written.
  ///
  /// - Throws: `DatasetError` where an option or a source is wrong.
  init(_ request: ImportRequest) throws

  /// What the data set is called, unless the user says otherwise.
  var name: String { get }

  /// Writes the images and what belongs to them.
  ///
  /// - Throws: `DatasetError`, `HDF5Error` or `ImageError`; nothing of the output is kept then.
  func write(to writer: DatasetWriter, _ monitor: WorkMonitor) throws -> ImportReport
}

extension Importer {
  /// It takes no options of its own.
  public static var options: [ImportOption] { [] }

  /// Imports sources into the new data set `output`.
  ///
  /// - Parameters:
  ///   - sources: files or folders.
  ///   - options: values of this format's options by name; that of a flag does not matter.
  ///   - name: what the data set is called; nil for the importer's own idea.
  ///   - force: whether a file of the name `output` is replaced.
  /// - Throws: `DatasetError` or `ImageError` where a source is missing, damaged or not what it
  ///   must be; `HDF5Error` where the output cannot be written. Nothing is left behind then.
  @discardableResult
  public static func run(
    sources: [String], options: [String: String] = [:], to output: String, name: String? = nil,
    force: Bool = false, monitor: WorkMonitor = WorkMonitor()
  ) throws -> ImportReport {
    precondition(!sources.isEmpty, "no source to import")
    try DatasetWriter.checkTarget(output, force: force)
    let importer = try Self(ImportRequest(format: format, sources: sources, values: options))
    return try DatasetWriter.write(
      output, name: name ?? importer.name, source: sources.joined(separator: " "), force: force
    ) { try importer.write(to: $0, monitor) }
  }
}

/// What an import tells when it is done.
public struct ImportReport: Equatable, Sendable {
  /// An image that was left out.
  public struct Skipped: Equatable, Sendable {
    /// The image's name, as it would have been in the data set.
    public let name: String
    /// What is wrong with it, in one line that names the file.
    public let reason: String
  }

  /// Broken images that were left out, in the order of their names.
  public let skipped: [Skipped]
  /// What else the user should know, a line each.
  public let notes: [String]

  /// A report; by default of an import in which nothing remarkable happened.
  public init(skipped: [Skipped] = [], notes: [String] = []) {
    self.skipped = skipped
    self.notes = notes
  }
}

/// An option of an importer, as the help text shows it.
public struct ImportOption: Equatable, Sendable {
  /// The name after `--`.
  public let name: String
  /// What stands for the value in the help text; nil for a flag.
  public let placeholder: String?
  /// What it does, in a line.
  public let help: String

  /// An option with a value, or a flag where there is no placeholder.
  public init(_ name: String, _ placeholder: String?, _ help: String) {
    self.name = name
    self.placeholder = placeholder
    self.help = help
  }
}

/// What an import was asked for: the sources, and the options of its format.
public struct ImportRequest {
  /// The word for the format.
  public let format: String
  /// Files or folders, at least one.
  public let sources: [String]
  private let values: [String: String]

  /// A request; `values` are those of the options given, by name.
  public init(format: String, sources: [String], values: [String: String] = [:]) {
    self.format = format
    self.sources = sources
    self.values = values
  }

  /// The only source.
  ///
  /// - Throws: `DatasetError.option` where there are several.
  public func onlySource() throws(DatasetError) -> String {
    guard sources.count == 1 else {
      throw .option("SOURCE", found: sources.joined(separator: " "), expected: "one for \(format)")
    }
    return sources[0]
  }

  /// Whether an option was given.
  public func has(_ option: ImportOption) -> Bool { values[option.name] != nil }

  /// The value of an option; nil where it was not given.
  public func value(_ option: ImportOption) -> String? { values[option.name] }

  /// The value of an option that has to be given.
  ///
  /// - Throws: `DatasetError.option` where it was not.
  public func required(_ option: ImportOption) throws(DatasetError) -> String {
    guard let value = value(option) else {
      throw .option("--\(option.name)", found: "nothing", expected: option.help)
    }
    return value
  }

  /// The value of an option as an integer; nil where it was not given.
  ///
  /// - Throws: `DatasetError.option` for anything else, or a number out of range.
  public func integer(
    _ option: ImportOption, in range: ClosedRange<Int>
  ) throws(DatasetError) -> Int? {
    guard let text = value(option) else { return nil }
    guard let value = Int(text), range.contains(value) else {
      throw .option(
        "--\(option.name)", found: text,
        expected: "an integer from \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }
}
