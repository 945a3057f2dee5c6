package ecomm.flink;

import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

/** Keeps the windows in which a user clicked, as far as they decide in which windows the user is new. */
public class Visits {
  static final long HOUR = 3_600_000;

  /** Holds the ends of the windows, the oldest first: the newest window that is over, and those that are not. */
  public Long[] windows = {};

  /**
   * Adds a window and returns by how many the new users change, by window. A click that is older than others of its
   * user may take the new user away from a later window.
   */
  Map<Long, Long> add(long window) {
    if (Arrays.asList(windows).contains(window)) {
      return Map.of();
    }
    TreeSet<Long> visited = new TreeSet<>(Arrays.asList(windows));
    Map<Long, Long> changes = new TreeMap<>();
    Long next = visited.higher(window);
    if (next != null && isNew(next, visited) && window >= next - HOUR) {
      changes.put(next, -1L);
    }
    if (isNew(window, visited)) {
      changes.put(window, 1L);
    }
    visited.add(window);
    windows = visited.toArray(Long[]::new);
    return changes;
  }

  /** Forgets the windows that decide nothing any more: no window before the watermark is added. */
  void forget(long watermark) {
    int first = 0;
    while (first + 1 < windows.length && windows[first + 1] <= watermark + 1) {
      first++;
    }
    windows = first == 0 ? windows : Arrays.copyOfRange(windows, first, windows.length);
  }

  /** Returns the watermark from which on the user is forgotten, if nothing is added until then. */
  long forgotten() {
    return windows[windows.length - 1] + HOUR;
  }

  private static boolean isNew(long window, TreeSet<Long> visited) {
    Long before = visited.lower(window);
    return before == null || before < window - HOUR;
  }
}
