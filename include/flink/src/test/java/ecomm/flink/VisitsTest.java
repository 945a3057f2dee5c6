package ecomm.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class VisitsTest {
  private static final long WINDOW = 5_000;
  private static final long HOUR = Visits.HOUR;

  @Test
  void aUserIsNewWithoutAClickInTheHourBefore() {
    var visits = new Visits();
    assertEquals(Map.of(WINDOW, 1L), visits.add(WINDOW));
    assertEquals(Map.of(), visits.add(WINDOW));
    assertEquals(Map.of(), visits.add(WINDOW + HOUR));
    assertEquals(Map.of(3 * HOUR, 1L), visits.add(3 * HOUR));
  }

  @Test
  void anOlderClickTakesTheNewUserFromALaterWindow() {
    var visits = new Visits();
    visits.add(4 * WINDOW);
    assertEquals(Map.of(2 * WINDOW, 1L, 4 * WINDOW, -1L), visits.add(2 * WINDOW));
    assertEquals(Map.of(), visits.add(3 * WINDOW));
  }

  @Test
  void anyOrderOfArrivalGivesTheSameNewUsers() {
    var chance = new Random(14);
    for (int run = 0; run < 500; run++) {
      List<Long> clicks = new ArrayList<>();
      for (int number = chance.nextInt(1, 30); number > 0; number--) {
        clicks.add(WINDOW * chance.nextInt((int) (3 * HOUR / WINDOW)));
      }
      Collections.shuffle(clicks, chance);
      var visits = new Visits();
      Map<Long, Long> newUsers = new TreeMap<>();
      clicks.forEach(window -> visits.add(window).forEach((changed, by) -> newUsers.merge(changed, by, Long::sum)));
      newUsers.values().removeIf(count -> count == 0);
      assertEquals(inOrder(clicks), newUsers);
    }
  }

  private static Map<Long, Long> inOrder(List<Long> clicks) {
    Map<Long, Long> newUsers = new TreeMap<>();
    long last = -2 * HOUR;
    for (long window : new TreeSet<>(clicks)) {
      if (last < window - HOUR) {
        newUsers.put(window, 1L);
      }
      last = window;
    }
    return newUsers;
  }

  @Test
  void theNewestWindowThatIsOverIsKeptAndThoseThatAreNot() {
    var visits = new Visits();
    for (long number = 1; number <= 4; number++) {
      visits.add(number * WINDOW);
    }
    visits.forget(3 * WINDOW - 1);
    assertEquals(List.of(3 * WINDOW, 4 * WINDOW), List.of(visits.windows));
    visits.forget(9 * WINDOW);
    assertEquals(List.of(4 * WINDOW), List.of(visits.windows));
    assertEquals(4 * WINDOW + HOUR, visits.forgotten());
    assertEquals(Map.of(), visits.add(10 * WINDOW));
  }
}
