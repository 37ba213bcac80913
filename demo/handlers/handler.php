<?php
// PHP_CLI_SERVER_WORKERS=8 sh -c 'exec php -S 127.0.0.1:$PORT handler.php'
$object = json_decode(file_get_contents('php://input'), true)['object'];
$verdict = str_contains($object['key'], 'night') ? 'Night' : 'Day';
header('content-type: application/json');
echo json_encode(['verdict' => $verdict, 'key' => $object['key']]);
