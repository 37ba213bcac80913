import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Executors;

public class Handler {
  public static void main(String[] arguments) throws Exception {
    int port = Integer.parseInt(System.getenv("PORT"));
    HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 0);
    server.setExecutor(Executors.newFixedThreadPool(8));
    server.createContext("/invoke", call -> {
      // The JDK has no JSON; a real handler brings its own.
      String body = new String(call.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
      byte[] answer = ("{\"verdict\":\"" + (body.contains("night") ? "Night" : "Day") + "\"}").getBytes();
      call.getResponseHeaders().set("content-type", "application/json");
      call.sendResponseHeaders(200, answer.length);
      call.getResponseBody().write(answer);
      call.close();
    });
    server.start();
  }
}
