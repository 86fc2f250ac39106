import Datasets
import HDF5
import Images
import MPI
import Support
import Training

/// The exit status of errors from modules that do not import the statuses.
enum Failure {
  /// 64 for wrong usage, 65 for wrong data, 74 for trouble of the machine, 75 for a stop that a
  /// resume continues, 1 for anything else.
  static func status(of error: any Error) -> Int32 {
    switch error {
    case let error as DatasetError: status(of: error)
    case let error as HDF5Error:
      MachineTrouble.status(
        errorNumber: error.errorNumber, otherwise: error.call == "H5Fcreate" ? 1 : 65)
    case let error as ImageError:
      MachineTrouble.status(
        errorNumber: error.errorNumber, otherwise: error.operation == .written ? 1 : 65)
    default: exitStatus(of: error)
    }
  }

  /// A wrong SPEC or option, or an existing output, is wrong usage; other cases are wrong data.
  private static func status(of error: DatasetError) -> Int32 {
    switch error {
    case .exists, .isInput, .specification, .option: 64
    case .stopped: 75
    case .file(_, _, let number): MachineTrouble.status(errorNumber: number, otherwise: 65)
    default: 65
    }
  }
}
