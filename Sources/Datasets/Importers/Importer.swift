import Foundation
import Support

/// A format that `cleave import` reads.
///
/// A new importer is one file, with a type that conforms to this protocol, and a line in
/// ``ImporterCatalogue``.
public protocol Importer {
  /// The format's word on the command line.
  static var format: String { get }
  /// The help text about a SOURCE and its import, in lines of at most 100 columns.
  static var help: String { get }
  /// The format's options, without the options of all formats.
  static var options: [ImportOption] { get }

  /// Parses the options and checks the sources, before anything is written.
  ///
  /// - Throws: `DatasetError` if an option or a source is wrong.
  init(_ request: ImportRequest) throws

  /// The default name of the data set.
  var name: String { get }

  /// The files that are read beside the sources and the files that options name: none of them is
  /// ever replaced.
  var inputs: [String] { get }

  /// Writes the images and their labels, names or attributes.
  ///
  /// - Throws: `DatasetError`, `HDF5Error` or `ImageError`; no output remains then.
  func write(to writer: DatasetWriter, _ monitor: WorkMonitor) throws -> ImportReport
}

extension Importer {
  /// By default, an importer has no options.
  public static var options: [ImportOption] { [] }

  /// By default, an importer reads its sources alone.
  public var inputs: [String] { [] }

  /// Imports sources into the new data set `output`.
  ///
  /// - Parameters:
  ///   - sources: files or folders.
  ///   - options: values of this format's options by name; the value of a flag does not matter.
  ///   - name: the name of the data set; nil for the importer's default.
  ///   - force: whether to replace an existing file `output`.
  /// - Throws: `DatasetError` or `ImageError` if a source is missing, damaged or wrong. `HDF5Error`
  ///   if the output cannot be written. No output remains then.
  @discardableResult
  public static func run(
    sources: [String], options: [String: String] = [:], to output: String, name: String? = nil,
    force: Bool = false, monitor: WorkMonitor = WorkMonitor()
  ) throws -> ImportReport {
    precondition(!sources.isEmpty, "no source to import")
    // Values of options may be names of files, too.
    let inputs = sources + options.values
    try DatasetWriter.checkTarget(output, force: force, inputs: inputs)
    let importer = try Self(ImportRequest(format: format, sources: sources, values: options))
    return try DatasetWriter.write(
      output, name: name ?? importer.name, source: sources.joined(separator: " "), force: force,
      inputs: inputs + importer.inputs
    ) { try importer.write(to: $0, monitor) }
  }
}

/// The report of a finished import.
public struct ImportReport: Equatable, Sendable {
  /// An image that was left out.
  public struct Skipped: Equatable, Sendable {
    /// The intended name of the image in the data set.
    public let name: String
    /// The problem, in one line with the file's name.
    public let reason: String
  }

  /// Broken images that were left out, in the order of their names.
  public let skipped: [Skipped]
  /// Further notes for the user, a line each.
  public let notes: [String]

  /// A report; the default is an import without skipped images and notes.
  public init(skipped: [Skipped] = [], notes: [String] = []) {
    self.skipped = skipped
    self.notes = notes
  }
}

/// An option of an importer, for the help text.
public struct ImportOption: Equatable, Sendable {
  /// The name after `--`.
  public let name: String
  /// The placeholder of the value in the help text; nil for a flag.
  public let placeholder: String?
  /// The effect, in a line.
  public let help: String

  /// An option with a value; without a placeholder, a flag.
  public init(_ name: String, _ placeholder: String?, _ help: String) {
    self.name = name
    self.placeholder = placeholder
    self.help = help
  }
}

/// A request for an import: the sources, and the options of its format.
public struct ImportRequest {
  /// The format's word on the command line.
  public let format: String
  /// Files or folders, at least one.
  public let sources: [String]
  private let values: [String: String]

  /// A request; `values` holds the given options by name.
  public init(format: String, sources: [String], values: [String: String] = [:]) {
    self.format = format
    self.sources = sources
    self.values = values
  }

  /// The only source.
  ///
  /// - Throws: `DatasetError.option` if there are several sources.
  public func onlySource() throws(DatasetError) -> String {
    guard sources.count == 1 else {
      throw .option("SOURCE", found: sources.joined(separator: " "), expected: "one for \(format)")
    }
    return sources[0]
  }

  /// Whether an option was given.
  public func has(_ option: ImportOption) -> Bool { values[option.name] != nil }

  /// The value of an option; nil if it was not given.
  public func value(_ option: ImportOption) -> String? { values[option.name] }

  /// The value of an option that must be given.
  ///
  /// - Throws: `DatasetError.option` if it was not given.
  public func required(_ option: ImportOption) throws(DatasetError) -> String {
    guard let value = value(option) else {
      throw .option("--\(option.name)", found: "nothing", expected: option.help)
    }
    return value
  }

  /// The value of an option as an integer; nil if it was not given.
  ///
  /// - Throws: `DatasetError.option` for other text, or a number out of range.
  public func integer(
    _ option: ImportOption, in range: ClosedRange<Int>
  ) throws(DatasetError) -> Int? {
    guard let text = value(option) else { return nil }
    guard let value = Int(text), range.contains(value) else {
      throw .option("--\(option.name)", found: text, expected: Quantity.integers(range))
    }
    return value
  }
}
