import Autodiff
import CKernels
import MPI
import Support
import Synchronization
import Tensors

/// The place of a number that is not finite.
public struct NonFinite: Equatable {
  /// The kind of value.
  enum Place: Int {
    case loss, gradient, weight
  }
  /// The lane that computed the number, or the first lane of a rank that computes its lanes
  /// together; nil where lanes are summed.
  public let lane: Int?
  let place: Place
  /// The parameter, by its index; nil for a loss.
  let parameter: Int?

  init(lane: Int?, place: Place, parameter: Int? = nil) {
    (self.lane, self.place, self.parameter) = (lane, place, parameter)
  }

  // MARK: - As a number for comparison among ranks

  private static let parameters = 1 << 24
  private static let places = 4
  private static let allLanes = 1 << 20

  /// The finding as a number, greater for an earlier lane; minus infinity if there is none.
  static func flag(_ found: NonFinite?) -> Double {
    guard let found else { return -.infinity }
    let place = (found.lane ?? allLanes) * places + found.place.rawValue
    return -Double(place * parameters + (found.parameter.map { $0 + 1 } ?? 0))
  }

  /// The finding of a flag; nil for no finding.
  init?(flag: Double) {
    guard flag.isFinite else { return nil }
    let (place, parameter) = Int(-flag).quotientAndRemainder(dividingBy: Self.parameters)
    let (lane, kind) = place.quotientAndRemainder(dividingBy: Self.places)
    guard let kind = Place(rawValue: kind) else { return nil }
    self.init(
      lane: lane == Self.allLanes ? nil : lane, place: kind,
      parameter: parameter == 0 ? nil : parameter - 1)
  }

  /// The first finding of all ranks, returned on all ranks.
  ///
  /// **Collective.**
  static func first(_ own: NonFinite?, on world: Communicator) throws -> NonFinite? {
    var flags = [flag(own)]
    try world.allReduce(&flags, .max)
    return NonFinite(flag: flags[0])
  }
}

/// Finds numbers that are not finite in this rank's part of a step, and keeps the first.
final class FiniteCheck {
  private let parameters: ParameterSet
  /// The first finding of the step.
  private(set) var found: NonFinite?

  init(_ parameters: ParameterSet) { self.parameters = parameters }

  /// Forgets the finding.
  func reset() { found = nil }

  /// Keeps a finding, unless there is already one.
  func note(_ new: NonFinite) {
    if found == nil { found = new }
  }

  /// Checks a loss, which a bad weight may have spoilt.
  func check(loss: Double, lane: Int) {
    guard !loss.isFinite, found == nil else { return }
    let weight = firstWeight
    note(NonFinite(lane: lane, place: weight == nil ? .loss : .weight, parameter: weight))
  }

  /// Checks a parameter's gradient, while the gradient is in cache.
  func check(gradient: UnsafePointer<Float>, of index: Int, lane: Int) {
    guard found == nil else { return }
    let isSpoilt = Atomic(false)
    Workers.share(parameters.parameters[index].shape.count, grain: Workers.smallestLoop) { part in
      if ck_all_finite(gradient + part.lowerBound, part.count) == 0 {
        isSpoilt.store(true, ordering: .relaxed)
      }
    }
    if isSpoilt.load(ordering: .relaxed) {
      note(NonFinite(lane: lane, place: .gradient, parameter: index))
    }
  }

  /// The first parameter with a weight that is not finite.
  var firstWeight: Int? {
    parameters.parameters.firstIndex { ck_all_finite($0.value, $0.shape.count) == 0 }
  }

  /// The finding in words.
  func words(for found: NonFinite) -> String {
    let name = found.parameter.map { parameters.entries[$0].name } ?? ""
    switch found.place {
    case .loss: return "the loss"
    case .gradient: return "the gradient of \(name)"
    case .weight: return "the weight \(name)"
    }
  }
}

/// A number that is not finite and so ends the run.
public struct NonFiniteError: ExitStatusError, Equatable, CustomStringConvertible {
  /// The step.
  public let step: Int
  /// The lane; nil where lanes are summed.
  public let lane: Int?
  /// The name of the loss, gradient or weight.
  public let what: String

  /// An error from its parts.
  public init(step: Int, lane: Int?, what: String) {
    (self.step, self.lane, self.what) = (step, lane, what)
  }

  /// One line.
  public var description: String {
    "step \(step)" + (lane.map { ", lane \($0)" } ?? "")
      + ": \(what) is not finite; the last checkpoint is kept"
  }

  /// 1: trouble.
  public var exitStatus: Int32 { 1 }
}
