import Datasets
import Foundation
import HDF5
import Images
import MPI
import Support
import Training

/// The exit status of errors from modules that do not import the statuses.
enum Failure {
  /// 64 for wrong usage, 65 for wrong data, 75 for a stop that a resume continues, 1 for anything
  /// else.
  static func status(of error: any Error) -> Int32 {
    switch error {
    case let error as DatasetError: status(of: error)
    case let error as HDF5Error: diskFailures.contains(error.errorNumber) ? 1 : 65
    case is ImageError: 65
    default: exitStatus(of: error)
    }
  }

  /// Error numbers for which the machine is the cause, not the file.
  private static let diskFailures = [ENOSPC, EDQUOT, EIO, EROFS, EMFILE, ENFILE]

  /// A wrong SPEC or option, or an existing output, is wrong usage; other cases are wrong data.
  private static func status(of error: DatasetError) -> Int32 {
    switch error {
    case .exists, .isInput, .specification, .option: 64
    case .stopped: 75
    default: 65
    }
  }
}
