import Foundation
import Testing

@testable import Training

/// The end of a job is a point of a clock that nobody adjusts.
struct DeadlineTests {
  private let now = ContinuousClock.now

  @Test func theEndOfAJobIsConvertedOnce() {
    let deadline = TrainingLimits.deadline(
      jobEnd: 1_700_003_600, wallClock: 1_700_000_000, now: now)
    #expect(deadline == now + .seconds(3600))
    // A job whose end is over, by a clock that is wrong, ends at once.
    let past = TrainingLimits.deadline(jobEnd: 1_700_000_000, wallClock: 1_700_000_060, now: now)
    #expect(past == now - .seconds(60))
  }

  /// Time for the other work and for two checkpoints is kept, five seconds at least.
  @Test func theEndIsNearInTime() {
    let checkpointer = Checkpointer(nil, nil, RecordingSettings(), configuration: "", data: nil)
    checkpointer.start(bytes: 2_000_000_000)  // ten seconds on a slow disk
    func isNear(after seconds: Double, other: Double = 0) -> Bool {
      checkpointer.isDeadlineNear(
        now + .seconds(100), other: other, now: now + .seconds(seconds))
    }
    #expect(!isNear(after: 79) && isNear(after: 81))
    #expect(!isNear(after: 69, other: 10) && isNear(after: 71, other: 10))
    checkpointer.start(bytes: 0)
    #expect(!isNear(after: 94) && isNear(after: 96))
    #expect(!checkpointer.isDeadlineNear(nil, other: 1e9))
  }
}
